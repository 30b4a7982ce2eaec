import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CyclicBarrier;

/**
 * Caffeine on the workload of the Swift harness, which starts this program and reads what it prints: a figure's name and the figure on each line.
 *
 * <p>Arguments: the mode, the form of the keys, the number of entries, the bytes in a value, and the files of draws (32-bit little-endian indexes,
 * one file a thread). Keys and values are the same functions of the index as in the harness; the self-test proves it. A get builds its key, as a
 * service would, and hands out the cached array, which is not copied.
 */
public final class CaffeineDriver {
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final boolean keysAreBytes;
    private final int entries;
    private final int valueSize;

    private CaffeineDriver(boolean keysAreBytes, int entries, int valueSize) {
        this.keysAreBytes = keysAreBytes;
        this.entries = entries;
        this.valueSize = valueSize;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("hit_ratio")) {
            hitRatio(arguments[1], Arrays.copyOfRange(arguments, 2, arguments.length));
            return;
        }
        CaffeineDriver driver =
                new CaffeineDriver(
                        arguments[1].equals("bytes"), Integer.parseInt(arguments[2]), Integer.parseInt(arguments[3]));
        int[][] draws = new int[arguments.length - 4][];
        for (int i = 0; i < draws.length; i++) draws[i] = readDraws(arguments[i + 4]);
        switch (arguments[0]) {
            case "self_test" -> driver.selfTest();
            case "mem_get_hit" -> driver.getHits(draws);
            case "mem_get_evicting" -> driver.getEvicting(draws[0], draws[1]);
            case "mem_overhead" -> driver.overhead();
            case "ycsb_A" -> driver.mixed(draws, 50);
            case "ycsb_B" -> driver.mixed(draws, 95);
            case "ycsb_C" -> driver.mixed(draws, 100);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /** A key as a program makes it that knows all its keys to be of 16 well-mixed bytes: two numbers in one object, the first of which serves as hash. */
    private record Pair(long first, long second) {
        @Override
        public int hashCode() {
            // The words are mixed already.
            return (int) first;
        }
    }

    /** A key as a program makes it that has bytes of any length and content. */
    private record Bytes(byte[] bytes) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Bytes that && Arrays.equals(bytes, that.bytes);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(bytes);
        }
    }

    private Object key(int index) {
        long first = keyOrder(index);
        long second = mix(first);
        if (!keysAreBytes) return new Pair(first, second);
        byte[] bytes = new byte[16];
        WORDS.set(bytes, 0, first);
        WORDS.set(bytes, 8, second);
        return new Bytes(bytes);
    }

    private static final java.lang.invoke.VarHandle WORDS =
            java.lang.invoke.MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);

    private static byte[] bytes(Object key) {
        if (key instanceof Bytes it) return it.bytes;
        Pair pair = (Pair) key;
        return ByteBuffer.allocate(16).putLong(pair.first).putLong(pair.second).array();
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    private static long keyOrder(int index) {
        return mix(index + 0x4C61726465720001L);
    }

    private static final long STEP = 0x9E3779B97F4A7C15L;

    private byte[] value(int index, int version) {
        ByteBuffer buffer = ByteBuffer.allocate((valueSize + 7) / 8 * 8).order(ByteOrder.LITTLE_ENDIAN);
        long state = mix((long) index << 8 | version);
        while (buffer.hasRemaining()) buffer.putLong(mix(state += STEP));
        return buffer.capacity() == valueSize ? buffer.array() : Arrays.copyOf(buffer.array(), valueSize);
    }

    private static long head(int index, int version) {
        return mix(mix((long) index << 8 | version) + STEP);
    }

    private static long head(byte[] value) {
        return (long) HEAD.get(value, 0);
    }

    private static final java.lang.invoke.VarHandle HEAD =
            java.lang.invoke.MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private static int[] readDraws(String path) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(Path.of(path))).order(ByteOrder.LITTLE_ENDIAN);
        int[] draws = new int[bytes.remaining() / 4];
        bytes.asIntBuffer().get(draws);
        return draws;
    }

    private Cache<Object, byte[]> full() {
        Cache<Object, byte[]> cache = Caffeine.newBuilder().maximumSize(entries + 1L).build();
        for (int i = 0; i < entries; i++) cache.put(key(i), value(i, 0));
        cache.cleanUp();
        return cache;
    }

    private void selfTest() {
        Cache<Object, byte[]> cache = full();
        for (int i = 0; i < entries; i += 3) cache.put(key(i), value(i, 1));
        long sum = 0;
        int found = 0;
        for (int i = 0; i < entries; i++) {
            Object key = key(i);
            byte[] value = cache.getIfPresent(key);
            if (value == null) throw new IllegalStateException("entry " + i + " is absent");
            ByteBuffer bytes = ByteBuffer.allocate(16 + valueSize).put(bytes(key)).put(value);
            long hash = 0xCBF29CE484222325L;
            for (byte b : bytes.array()) hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
            sum += hash;
            found++;
        }
        for (int i = entries; i < entries + 100; i++)
            if (cache.getIfPresent(key(i)) != null) throw new IllegalStateException("never written");
        System.out.println(found + " " + Long.toUnsignedString(sum));
    }

    private interface Work {
        void run(int thread) throws Exception;
    }

    /** Runs work on threads that start together, and prints wall and processor time. */
    private static void measure(int threads, long operations, Work work) throws Exception {
        CyclicBarrier gate = new CyclicBarrier(threads + 1);
        Throwable[] failures = new Throwable[threads];
        Thread[] team = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            int thread = i;
            team[i] = new Thread(() -> {
                try {
                    gate.await();
                    work.run(thread);
                } catch (Throwable failure) {
                    failures[thread] = failure;
                }
            });
            team[i].start();
        }
        long cpu = SYSTEM.getProcessCpuTime();
        long start = System.nanoTime();
        gate.await();
        for (Thread thread : team) thread.join();
        long wall = System.nanoTime() - start;
        cpu = SYSTEM.getProcessCpuTime() - cpu;
        for (Throwable failure : failures) if (failure != null) throw new IllegalStateException(failure);
        System.out.println("operations " + operations);
        System.out.println("wall_ns " + wall);
        System.out.println("cpu_ns " + cpu);
    }

    private void get(Cache<Object, byte[]> cache, int[] draws) {
        long wrong = 0;
        for (int index : draws) {
            byte[] value = cache.getIfPresent(key(index));
            if (value == null || value.length != valueSize || head(value) != head(index, 0)) wrong++;
        }
        if (wrong > 0) throw new IllegalStateException(wrong + " gets saw a wrong value");
    }

    private void getHits(int[][] draws) throws Exception {
        Cache<Object, byte[]> cache = full();
        // Compiled and warm before the clock starts.
        for (int i = 0; i < 3; i++) get(cache, draws[0]);
        System.gc();
        get(cache, draws[0]);
        cache.cleanUp();
        measure(draws.length, (long) draws.length * draws[0].length, thread -> get(cache, draws[thread]));
        long[] samples = new long[Math.min(200_000, draws[0].length)];
        for (int i = 0; i < samples.length; i++) {
            long start = System.nanoTime();
            byte[] value = cache.getIfPresent(key(draws[0][i]));
            samples[i] = System.nanoTime() - start;
            if (value == null) throw new IllegalStateException("absent");
        }
        Arrays.sort(samples);
        System.out.println("p50 " + samples[(samples.length - 1) / 2]);
        System.out.println("p99 " + samples[(int) Math.ceil(samples.length * 0.99) - 1]);
    }

    private long getOrInsert(Cache<Object, byte[]> cache, int[] draws) {
        long inserted = 0;
        long wrong = 0;
        for (int index : draws) {
            Object key = key(index);
            byte[] value = cache.getIfPresent(key);
            if (value == null) {
                cache.put(key, value(index, 0));
                inserted++;
            } else if (value.length != valueSize || head(value) != head(index, 0)) {
                wrong++;
            }
        }
        if (wrong > 0) throw new IllegalStateException(wrong + " gets saw a wrong value");
        return inserted;
    }

    private void getEvicting(int[] warming, int[] draws) throws Exception {
        Cache<Object, byte[]> cache = Caffeine.newBuilder().maximumSize(entries / 10).build();
        getOrInsert(cache, warming);
        long[] inserted = new long[1];
        measure(1, draws.length, thread -> inserted[0] = getOrInsert(cache, draws));
        System.out.println("inserted " + inserted[0]);
    }

    private void mixed(int[][] draws, int readsOfHundred) throws Exception {
        Cache<Object, byte[]> cache = full();
        byte[][][] values = new byte[draws.length][][];
        for (int thread = 0; thread < draws.length; thread++) {
            java.util.SplittableRandom random = new java.util.SplittableRandom(thread);
            values[thread] = new byte[draws[thread].length][];
            for (int i = 0; i < draws[thread].length; i++)
                if (random.nextInt(100) >= readsOfHundred) values[thread][i] = value(draws[thread][i], 1);
        }
        for (int i = 0; i < 3; i++) get(cache, draws[0]);
        measure(draws.length, (long) draws.length * draws[0].length, thread -> {
            int[] mine = draws[thread];
            for (int i = 0; i < mine.length; i++) {
                Object key = key(mine[i]);
                if (values[thread][i] != null) {
                    cache.put(key, values[thread][i]);
                } else {
                    byte[] value = cache.getIfPresent(key);
                    if (value == null) throw new IllegalStateException("absent");
                    long seen = head(value);
                    if (seen != head(mine[i], 0) && seen != head(mine[i], 1)) throw new IllegalStateException("wrong");
                }
            }
        });
    }

    private static long usedHeap() throws InterruptedException {
        for (int i = 0; i < 3; i++) {
            System.gc();
            Thread.sleep(50);
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private void overhead() throws InterruptedException {
        long before = usedHeap();
        Cache<Object, byte[]> cache = full();
        System.out.println("heap_bytes " + (usedHeap() - before));
        if (cache.estimatedSize() != entries) throw new IllegalStateException("evicted");
    }

    /** Replays a trace (64-bit little-endian keys), one capacity after the other, maintenance on the calling thread. */
    private static void hitRatio(String path, String[] capacities) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(Path.of(path))).order(ByteOrder.LITTLE_ENDIAN);
        long[] keys = new long[bytes.remaining() / 8];
        bytes.asLongBuffer().get(keys);
        for (String capacity : capacities) {
            Cache<Long, Boolean> cache =
                    Caffeine.newBuilder().maximumSize(Long.parseLong(capacity)).executor(Runnable::run).build();
            long hits = 0;
            for (long key : keys) {
                if (cache.getIfPresent(key) != null) hits++;
                else cache.put(key, Boolean.TRUE);
            }
            System.out.println("hits " + hits);
        }
    }
}
