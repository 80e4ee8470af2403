/* fcntl(2) record locks and flock(2). */
#include "../conform.h"
#include <sys/file.h>
static int lock(int fd, int cmd, short type, off_t start, off_t len) {
    struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    return fcntl(fd, cmd, &l);
}
int main(void) {
    int fd = open("f", O_CREAT | O_RDWR, 0600), st, p[2];
    char c;
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 10) == 0);
    CHECK(pipe(p) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int f2 = open("f", O_RDWR);
        FAILS(lock(f2, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
        CHECK(lock(f2, F_SETLK, F_WRLCK, 10, 5) == 0);
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100};
        CHECK(fcntl(f2, F_GETLK, &l) == 0 && l.l_type == F_WRLCK && l.l_start == 0 && l.l_len == 10 && l.l_pid == getppid());
        fflush(stdout);
        (void)!write(p[1], "x", 1);
        CHECK(lock(f2, F_SETLKW, F_WRLCK, 0, 1) == 0);
        _exit(finish());
    }
    (void)!read(p[0], &c, 1);
    FAILS(lock(fd, F_SETLK, F_WRLCK, 12, 1), EAGAIN);
    fflush(stdout);
    /* The child prints what is left before this does. */
    CHECK(lock(fd, F_SETLK, F_UNLCK, 0, 0) == 0);
    CHECK(waitpid(pid, &st, 0) == pid && st == 0);
    CHECK(lock(fd, F_SETLK, F_WRLCK, 0, 0) == 0);
    section("flock");
    int a = open("g", O_CREAT | O_RDWR, 0600), b = open("g", O_RDWR);
    CHECK(flock(a, LOCK_SH) == 0 && flock(b, LOCK_SH | LOCK_NB) == 0);
    FAILS(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK(flock(a, LOCK_UN) == 0 && flock(b, LOCK_EX | LOCK_NB) == 0);
    FAILS(flock(a, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    close(b);
    CHECK(flock(a, LOCK_EX | LOCK_NB) == 0);
    return finish();
}
