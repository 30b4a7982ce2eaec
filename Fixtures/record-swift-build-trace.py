#!/usr/bin/env python3
"""Record the file reads of a clean `swift build` as a cache access trace.

    record-swift-build-trace.py PACKAGE OUTPUT.trace.gz [-- BUILD ARGUMENTS]

PACKAGE is the folder of a Swift package. It is built from nothing into a temporary build folder under strace, which must be
installed; only Linux has it. What counts as a read, and what the trace holds, is written in README.md beside this script.
"""

import argparse
import collections
import gzip
import heapq
import os
import re
import statistics
import subprocess
import sys
import tempfile

# Every way to open, to read, to map and to ask the size of a file, and every way to start a thread or process (a thread
# shares its parent's descriptors).
SYSTEM_CALLS = [
    "open", "openat", "openat2", "creat",
    "read", "pread64", "readv", "preadv", "preadv2", "copy_file_range", "sendfile", "mmap",
    "fstat", "newfstatat", "statx",
    "clone", "clone3", "fork", "vfork",
]

# One line of `strace -ttt -y`: time, name, arguments, result, and behind a result that is a descriptor its path.
CALL = re.compile(r"^(\d+\.\d+) (\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+)(?:<(.*)>)?(?: |$)")
FIRST_DESCRIPTOR = re.compile(r"^(\d+)<(/.*?)>(?:\(deleted\))?, ")
MAPPING = re.compile(r"^\w+, (\d+), (\S+), (\S+), (\d+)<(/.*)>, (\w+)$")
SIZE_OF_REGULAR_FILE = re.compile(r"st(?:x)?_mode=S_IFREG\|.*st(?:x)?_size=(\d+)")

# Not files that hold data: devices and views of the kernel's state.
NOT_DATA = ("/dev/", "/proc/", "/sys/")


class OpenFile:
    """A file from the moment it was opened: what was read of it through this descriptor."""

    def __init__(self, path):
        self.path = path
        self.size = None  # bytes, once fstat told
        self.bytes_read = 0
        self.bytes_mapped = 0
        self.position = None  # when its first byte was read: the request's place in the trace
        self.is_code = False  # the dynamic loader mapped it: program text, not data

    def bytes(self):
        count = max(self.bytes_read, self.bytes_mapped)
        return count if self.size is None else min(count, self.size)


class Reconstruction:
    """Turns system calls, in order of time, into one request for each open file of which anything was read."""

    def __init__(self):
        self.files = {}  # (descriptor table, descriptor) -> OpenFile
        self.table_of = {}  # thread -> descriptor table, named after the thread that had it first
        self.requests = []

    def see(self, thread, name, arguments, result, result_path):
        table = self.table_of.setdefault(thread, thread)
        if name in ("clone", "clone3", "fork", "vfork"):
            self.table_of[result] = table if "CLONE_FILES" in arguments else result
        elif result_path is not None:
            self.files[table, result] = OpenFile(result_path)
        elif name == "mmap":
            self.see_mapping(table, arguments)
        elif name in ("fstat", "newfstatat", "statx"):
            descriptor, size = FIRST_DESCRIPTOR.match(arguments), SIZE_OF_REGULAR_FILE.search(arguments)
            if descriptor and size and (name == "fstat" or ', "", ' in arguments):
                self.file(table, descriptor[1], descriptor[2]).size = int(size[1])
        elif result > 0:
            source = arguments.split(", ", 1)[1] if name == "sendfile" else arguments
            descriptor = FIRST_DESCRIPTOR.match(source)
            if descriptor:
                file = self.file(table, descriptor[1], descriptor[2])
                file.bytes_read += result
                self.place(file)

    def see_mapping(self, table, arguments):
        mapping = MAPPING.match(arguments)
        if not mapping:
            return  # anonymous memory
        length, protection, flags, descriptor, path, offset = mapping.groups()
        file = self.file(table, descriptor, path)
        if "MAP_DENYWRITE" in flags:
            file.is_code = True
        elif "PROT_READ" in protection and not ("MAP_SHARED" in flags and "PROT_WRITE" in protection):
            file.bytes_mapped = max(file.bytes_mapped, int(offset, 0) + int(length))
            self.place(file)

    def file(self, table, descriptor, path):
        """The open file behind a descriptor; a new one where it was inherited or duplicated, so that no open was seen."""
        file = self.files.get((table, int(descriptor)))
        if file is None or file.path != path:
            file = self.files[table, int(descriptor)] = OpenFile(path)
        return file

    def place(self, file):
        if file.position is None and not file.path.startswith(NOT_DATA):
            file.position = len(self.requests)
            self.requests.append(file)


def calls(path):
    """The system calls of one thread's log that succeeded, as (time, thread, name, arguments, result, path of the result)."""
    thread = int(path.rsplit(".", 1)[1])
    with open(path, errors="surrogateescape") as log:
        for line in log:
            call = CALL.match(line.rstrip("\n"))
            if call and not call[4].startswith("-"):
                yield float(call[1]), thread, call[2], call[3], int(call[4], 0), call[5]


def record(package, build_arguments, folder):
    """Builds the package under strace and returns the files read, in the order of their first read."""
    logs = os.path.join(folder, "strace")
    os.mkdir(logs)
    subprocess.run(["swift", "package", "resolve", "--scratch-path", os.path.join(folder, "build")],
                   cwd=package, check=True)
    subprocess.run(
        ["strace", "-f", "-ff", "--seccomp-bpf", "-ttt", "-y", "-s", "0", "-e", "signal=none", "-qq",
         "-e", "trace=" + ",".join(SYSTEM_CALLS), "-o", os.path.join(logs, "thread"),
         "swift", "build", "--scratch-path", os.path.join(folder, "build"), *build_arguments],
        cwd=package, check=True, stdout=sys.stderr)
    reconstruction = Reconstruction()
    logs_of_threads = [calls(os.path.join(logs, name)) for name in os.listdir(logs)]
    for _, thread, name, arguments, result, path in heapq.merge(*logs_of_threads, key=lambda call: call[0]):
        reconstruction.see(thread, name, arguments, result, path)
    return [file for file in reconstruction.requests if not file.is_code]


def intern(files):
    """Keys in order of first appearance, and for each key the largest size seen, so that an entry has one stable size."""
    keys, sizes = {}, collections.Counter()
    sequence = [keys.setdefault(file.path, len(keys)) for file in files]
    for key, file in zip(sequence, files):
        sizes[key] = max(sizes[key], file.bytes())
    return sequence, sizes


def write(output, source, sequence, sizes):
    # Without a name and a time in the gzip header, the same requests give the same bytes.
    with open(output, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as trace:
        trace.write(f'# name=swift-build source="{source}" license="Apache-2.0" '
                    f"requests={len(sequence)} unique={len(sizes)} has_size=1\n".encode())
        trace.writelines(b"%d,%d\n" % (key, sizes[key]) for key in sequence)


def lru_hit_ratio(sequence, capacity):
    entries, hits = collections.OrderedDict(), 0
    for key in sequence:
        if key in entries:
            hits += 1
            entries.move_to_end(key)
        else:
            entries[key] = None
            if len(entries) > capacity:
                entries.popitem(last=False)
    return hits / len(sequence)


def report(sequence, sizes):
    counts = collections.Counter(sequence)
    print(f"requests                {len(sequence):>14,}")
    print(f"unique keys             {len(sizes):>14,}")
    print(f"keys requested once     {sum(count == 1 for count in counts.values()):>14,}")
    print(f"most requests of a key  {max(counts.values()):>14,}")
    print(f"repeated requests       {1 - len(sizes) / len(sequence):>14.2%}")
    print(f"bytes of all requests   {sum(sizes[key] for key in sequence):>14,}")
    print(f"bytes of unique keys    {sum(sizes.values()):>14,}")
    print(f"median size of a key    {int(statistics.median(sizes.values())):>14,}")
    print(f"largest key             {max(sizes.values()):>14,}")
    for share in (0.01, 0.1, 0.25):
        capacity = round(len(sizes) * share)
        print(f"LRU of {capacity:>6,} entries    {lru_hit_ratio(sequence, capacity):>14.2%}")


def main():
    parser = argparse.ArgumentParser(description="Record the file reads of a clean swift build as a cache access trace.")
    parser.add_argument("package", help="folder of the Swift package to build")
    parser.add_argument("output", help="the trace to write, gzip'd")
    parser.add_argument("--source", default="file reads of a swift build, recorded with strace",
                        help="the text of source= in the first line")
    parser.add_argument("build_arguments", nargs="*", metavar="-- BUILD ARGUMENTS", help="passed on to swift build")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = record(options.package, options.build_arguments, folder)
    if not files:
        sys.exit("the build read no file: did strace follow it?")
    sequence, sizes = intern(files)
    write(options.output, options.source, sequence, sizes)
    report(sequence, sizes)


if __name__ == "__main__":
    main()
