/* mkdir(2), rmdir(2), rename(2), link(2), symlink(2), getdents64(2), getcwd(2), path_resolution(7). */
#include "../conform.h"
#include <dirent.h>
static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void list(const char *path) {
    DIR *d = opendir(path);
    char *names[100];
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) && n < 100;) {
        char line[300];
        snprintf(line, sizeof line, "%s:%d", e->d_name, e->d_type);
        names[n++] = strdup(line);
    }
    closedir(d);
    qsort(names, n, sizeof *names, compare);
    printf("%s:", path);
    for (int i = 0; i < n; i++) printf(" %s", names[i]);
    printf("\n");
}
static void touch(const char *p) { close(open(p, O_CREAT | O_WRONLY, 0644)); }
int main(void) {
    struct stat st, st2;
    char buf[PATH_MAX];
    umask(0);
    section("mkdir");
    CHECK(mkdir("d", 0755) == 0);
    FAILS(mkdir("d", 0755), EEXIST);
    FAILS(mkdir("x/y", 0755), ENOENT);
    CHECK(mkdir("d/e/", 01777) == 0);
    CHECK(stat("d/e", &st) == 0 && (st.st_mode & 07777) == 01777);
    CHECK(stat("d", &st) == 0 && S_ISDIR(st.st_mode));
    touch("d/f");
    list("d");
    FAILS(rmdir("d"), ENOTEMPTY);
    FAILS(rmdir("d/f"), ENOTDIR);
    FAILS(unlink("d/e"), EISDIR);
    FAILS(rmdir("d/e/."), EINVAL);
    FAILS(rmdir("missing"), ENOENT);
    CHECK(rmdir("d/e") == 0);
    section("rename");
    CHECK(rename("d/f", "d/g") == 0);
    FAILS(rename("d/f", "d/h"), ENOENT);
    touch("d/h");
    CHECK(rename("d/g", "d/h") == 0);
    CHECK(mkdir("d1", 0700) == 0 && mkdir("d2", 0700) == 0 && mkdir("d2/sub", 0700) == 0);
    FAILS(rename("d1", "d2"), ENOTEMPTY);
    FAILS(rename("d2", "d2/sub/x"), EINVAL);
    FAILS(rename("d1", "d/h"), ENOTDIR);
    FAILS(rename("d/h", "d1"), EISDIR);
    CHECK(rename("d2/sub", "d1") == 0);
    CHECK(rename("d2", "d1/moved") == 0);
    list("d1");
    FAILS(syscall(SYS_renameat2, AT_FDCWD, "d/h", AT_FDCWD, "d1", 1), EEXIST);
    CHECK(syscall(SYS_renameat2, AT_FDCWD, "d/h", AT_FDCWD, "d1/moved", 2) == 0);
    CHECK(stat("d/h", &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(stat("d1/moved", &st) == 0 && S_ISREG(st.st_mode));
    section("links");
    CHECK(link("d1/moved", "hard") == 0);
    CHECK(stat("hard", &st) == 0 && st.st_nlink == 2);
    CHECK(stat("d1/moved", &st2) == 0 && st.st_ino == st2.st_ino);
    FAILS(link("hard", "d1/moved"), EEXIST);
    FAILS(link("d1", "dirlink"), EPERM);
    CHECK(unlink("d1/moved") == 0 && stat("hard", &st) == 0 && st.st_nlink == 1);
    section("symbolic links");
    CHECK(symlink("hard", "soft") == 0);
    CHECK(readlink("soft", buf, sizeof buf) == 4 && memcmp(buf, "hard", 4) == 0);
    CHECK(readlink("soft", buf, 2) == 2);
    FAILS(readlink("hard", buf, sizeof buf), EINVAL);
    CHECK(lstat("soft", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 4 && (st.st_mode & 0777) == 0777);
    CHECK(stat("soft", &st) == 0 && S_ISREG(st.st_mode));
    CHECK(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
    FAILS(open("loop1", O_RDONLY), ELOOP);
    FAILS(open("soft", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK(symlink("nowhere", "dangling") == 0);
    FAILS(stat("dangling", &st), ENOENT);
    FAILS(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    int fd = open("dangling", O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && stat("nowhere", &st) == 0);
    close(fd);
    CHECK(symlink("../d1", "d/up") == 0 && mkdir("d1/in", 0700) == 0 && stat("d/up/in", &st) == 0);
    CHECK(lstat("d/up/", &st) == 0 && S_ISDIR(st.st_mode));
    section("working directory");
    CHECK(getcwd(buf, sizeof buf) == buf);
    size_t base = strlen(buf);
    CHECK(chdir("d/up/in") == 0 && getcwd(buf, sizeof buf) == buf);
    printf("cwd ends in %s\n", buf + base);
    FAILS(syscall(SYS_getcwd, buf, 3), ERANGE);
    CHECK(chdir("../..") == 0);
    FAILS(chdir("hard"), ENOTDIR);
    int dir = open("d1", O_RDONLY | O_DIRECTORY);
    CHECK(fchdir(dir) == 0 && stat("in", &st) == 0 && chdir("..") == 0);
    CHECK(fstatat(dir, "in", &st, 0) == 0);
    CHECK(mkdirat(dir, "at", 0700) == 0 && unlinkat(dir, "at", AT_REMOVEDIR) == 0);
    FAILS(openat(99, "x", O_RDONLY), EBADF);
    FAILS(openat(fd = open("hard", O_RDONLY), "x", O_RDONLY), ENOTDIR);
    CHECK(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 && S_ISREG(st.st_mode));
    section("a removed working directory");
    CHECK(mkdir("gone", 0700) == 0 && chdir("gone") == 0 && rmdir("../gone") == 0);
    FAILS(syscall(SYS_getcwd, buf, sizeof buf), ENOENT);
    FAILS(open("x", O_CREAT | O_WRONLY, 0600), ENOENT);
    section("many entries");
    CHECK(fchdir(dir) == 0 && chdir("..") == 0 && mkdir("many", 0700) == 0);
    for (int i = 0; i < 500; i++) {
        snprintf(buf, sizeof buf, "many/file-with-a-rather-long-name-%d", i);
        touch(buf);
    }
    DIR *d = opendir("many");
    int n = 0;
    while (readdir(d)) n++;
    CHECK(n == 502);
    rewinddir(d);
    int removed = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') removed += unlinkat(dirfd(d), e->d_name, 0) == 0;
    CHECK(removed == 500);
    closedir(d);
    CHECK(rmdir("many") == 0);
    return finish();
}
