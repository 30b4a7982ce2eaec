import Foundation

/// Keeps the processors awake in the durable cases.
///
/// On virtual disks a flush takes about 0.1 ms while the processors are awake and 1 to 4 ms when they idle, since the disk's interrupt has to wake
/// one first. Without spinners a durable figure says more of the machine's power management than of the peer. They run at idle priority in a
/// process of their own: whoever has work takes the processor from them, and their time is in nobody's figures.
final class Spinners {
    private var process: Process?

    func start() throws {
        guard process == nil else { return }
        let spinning = Subprocess.prepared(MeasuringProcess.executable, ["spin"])
        try spinning.run()
        process = spinning
    }

    func stop() {
        process?.terminate()
        process?.waitUntilExit()
        process = nil
    }
}
