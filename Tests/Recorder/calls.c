/*
 * Makes every call that the recorder knows, on files of one directory, from
 * several threads and two processes, so that the log can be compared with what
 * is there afterwards.
 *
 *     calls DIRECTORY OUTSIDE
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(call) do { if ((long)(call) < 0) { perror(#call); exit(1); } } while (0)

static char text[20000];

static void contents(void) {
    int fd, second;
    CHECK(fd = open("written", O_RDWR | O_CREAT, 0644));
    CHECK(write(fd, text, 5000));
    CHECK(lseek(fd, 3000, SEEK_SET));
    CHECK(write(fd, "here", 4));
    CHECK(pwrite(fd, text, 700, 9000));
    struct iovec parts[3] = {{text, 100}, {text + 50, 4096}, {text, 0}};
    CHECK(writev(fd, parts, 3));
    CHECK(pwritev(fd, parts, 2, 20001));
    CHECK(pwritev2(fd, parts, 2, 40000, RWF_DSYNC));
    CHECK(second = dup(fd));
    CHECK(write(second, "through a duplicate", 19));
    CHECK(close(second));
    CHECK(dup2(fd, 77));
    CHECK(write(77, "at a chosen number", 18));
    CHECK(dup3(fd, 78, O_CLOEXEC));
    CHECK(close(78));
    CHECK(fallocate(fd, 0, 0, 60000));
    CHECK(posix_fallocate(fd, 60000, 100));
    CHECK(ftruncate(fd, 45001));
    CHECK(ftruncate(fd, 50000));
    CHECK(fsync(fd));
    CHECK(fdatasync(fd));
    CHECK(sync_file_range(fd, 0, 4096, SYNC_FILE_RANGE_WRITE));
    CHECK(close(fd));
    CHECK(close(77));

    CHECK(fd = open("appended", O_WRONLY | O_CREAT | O_APPEND | O_DSYNC, 0644));
    CHECK(write(fd, text, 10));
    CHECK(write(fd, text, 5000));
    CHECK(close(fd));
    CHECK(truncate("appended", 4000));

    CHECK(fd = creat("emptied", 0600));
    CHECK(write(fd, text, 6000));
    CHECK(close(fd));
    CHECK(fd = open("emptied", O_WRONLY | O_TRUNC));
    CHECK(write(fd, "again", 5));
    CHECK(syncfs(fd));
    CHECK(close(fd));
}

static void names(const char *outside) {
    int directory, fd;
    char pattern[] = "made-XXXXXX", temporary[] = "dir-XXXXXX", suffixed[] = "made-XXXXXX.txt";
    CHECK(mkdir("a", 0755));
    CHECK(mkdir("a/b", 0755));
    CHECK(directory = open("a", O_RDONLY | O_DIRECTORY));
    CHECK(mkdirat(directory, "c/", 0755));
    CHECK(fd = openat(directory, "c/file", O_CREAT | O_EXCL | O_WRONLY, 0644));
    CHECK(write(fd, text, 12));
    CHECK(close(fd));
    CHECK(renameat(directory, "c/file", directory, "b/moved"));
    CHECK(link("a/b/moved", "linked"));
    CHECK(linkat(directory, "b/moved", AT_FDCWD, "linked again", 0));
    CHECK(rename("linked again", "./a/../renamed"));
    CHECK(rename("renamed", "emptied"));
    CHECK(unlink("linked"));
    CHECK(unlinkat(directory, "c", AT_REMOVEDIR));
    CHECK(mkdir("gone", 0755));
    CHECK(rmdir("gone"));
    CHECK(mkdir("gone", 0755));
    CHECK(remove("gone"));
    CHECK(fsync(directory));
    CHECK(close(directory));

    CHECK(fd = mkstemp(pattern));
    CHECK(write(fd, text, 20));
    CHECK(close(fd));
    CHECK(fd = mkostemps(suffixed, 4, O_APPEND));
    CHECK(write(fd, text, 30));
    CHECK(close(fd));
    if (!mkdtemp(temporary)) CHECK(-1);

    /* Open without a name, then given one; a file that is gone but open. */
    char self[64];
    CHECK(fd = open(".", O_TMPFILE | O_WRONLY, 0644));
    CHECK(write(fd, text, 40));
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    CHECK(linkat(AT_FDCWD, self, AT_FDCWD, "named later", AT_SYMLINK_FOLLOW));
    CHECK(close(fd));
    CHECK(fd = open("unlinked", O_CREAT | O_WRONLY, 0644));
    CHECK(unlink("unlinked"));
    CHECK(write(fd, text, 50));
    CHECK(close(fd));

    /* The number of a stream's descriptor, closed unseen, comes back. */
    FILE *stream = fopen(outside, "w");
    if (!stream) CHECK(-1);
    fputs("not ours", stream);
    fclose(stream);
    CHECK(fd = open("after a stream", O_CREAT | O_WRONLY, 0644));
    CHECK(write(fd, text, 60));
    CHECK(close(fd));
    CHECK(unlink(outside));
}

static void *thread(void *argument) {
    long number = (long)argument;
    int fd;
    CHECK(fd = open("shared", O_CREAT | O_WRONLY, 0644));
    for (int i = 0; i < 200; i++) CHECK(pwrite(fd, text + number, 900, ((i * 7 + number * 3) % 50) * 700));
    CHECK(fsync(fd));
    CHECK(close(fd));
    return NULL;
}

static void threads(void) {
    pthread_t all[4];
    for (long i = 0; i < 4; i++) pthread_create(&all[i], NULL, thread, (void *)i);
    for (int i = 0; i < 4; i++) pthread_join(all[i], NULL);
}

int main(int count, char **words) {
    if (count != 3) return 64;
    for (size_t i = 0; i < sizeof text; i++) text[i] = (char)('a' + i * i % 23);
    CHECK(chdir(words[1]));
    contents();
    names(words[2]);
    pid_t child;
    CHECK(child = fork());
    threads();
    if (child == 0) _exit(0);
    int status;
    CHECK(waitpid(child, &status, 0));
    return status == 0 ? 0 : 1;
}
