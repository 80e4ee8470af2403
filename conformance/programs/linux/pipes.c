/* pipe(7), poll(2), fifo(7). */
#include "../conform.h"
#include <sys/ioctl.h>
#include <sys/select.h>
static char big[200000];
static void die_of_sigpipe(void) {
    int p[2];
    if (pipe(p)) _exit(1);
    close(p[0]);
    (void)!write(p[1], "x", 1);
    _exit(2);
}
int main(void) {
    int p[2];
    char buf[70000];
    CHECK(pipe(p) == 0);
    CHECK(write(p[1], "abc", 3) == 3);
    int n = 0;
    CHECK(ioctl(p[0], FIONREAD, &n) == 0 && n == 3);
    CHECK(read(p[0], buf, 2) == 2 && read(p[0], buf, 10) == 1);
    FAILS(lseek(p[0], 0, SEEK_CUR), ESPIPE);
    FAILS(write(p[0], "x", 1), EBADF);
    FAILS(read(p[1], buf, 1), EBADF);
    section("non-blocking");
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    fcntl(p[1], F_SETFL, O_NONBLOCK);
    FAILS(read(p[0], buf, 1), EAGAIN);
    CHECK(write(p[1], big, sizeof big) == 65536);
    FAILS(write(p[1], "x", 1), EAGAIN);
    CHECK(read(p[0], buf, 4096) == 4096);
    CHECK(write(p[1], big, 4096) == 4096);
    FAILS(write(p[1], big, 100), EAGAIN);
    section("poll");
    struct pollfd pf[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
    CHECK(poll(pf, 2, 0) == 1 && pf[0].revents == POLLIN && pf[1].revents == 0);
    while (read(p[0], buf, sizeof buf) > 0) {}
    CHECK(poll(pf, 2, 0) == 1 && pf[0].revents == 0 && pf[1].revents == POLLOUT);
    close(p[1]);
    pf[1].fd = -1;
    CHECK(poll(pf, 2, -1) == 1 && pf[0].revents == POLLHUP && pf[1].revents == 0);
    CHECK(read(p[0], buf, 1) == 0);
    close(p[0]);
    CHECK(poll(pf, 1, 0) == 1 && pf[0].revents == POLLNVAL);
    CHECK(poll(NULL, 0, 10) == 0);
    section("no reader");
    CHECK(child_status(die_of_sigpipe) == 128 + SIGPIPE);
    signal(SIGPIPE, SIG_IGN);
    CHECK(pipe2(p, O_CLOEXEC) == 0 && fcntl(p[0], F_GETFD) == FD_CLOEXEC);
    close(p[0]);
    FAILS(write(p[1], "x", 1), EPIPE);
    struct pollfd w = {p[1], POLLOUT, 0};
    CHECK(poll(&w, 1, 0) == 1 && (w.revents & POLLERR));
    close(p[1]);
    FAILS(pipe2(p, 0x1), EINVAL);
    section("blocking transfer between processes");
    CHECK(pipe(p) == 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(p[0]);
        for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 7);
        size_t off = 0;
        while (off < sizeof big) off += write(p[1], big + off, sizeof big - off);
        _exit(3);
    }
    close(p[1]);
    size_t total = 0, bad = 0;
    ssize_t got;
    while ((got = read(p[0], buf, 777)) > 0)
        for (ssize_t i = 0; i < got; i++) bad += buf[i] != (char)(total++ * 7);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 3);
    CHECK(total == sizeof big && bad == 0);
    section("select");
    CHECK(pipe(p) == 0);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    struct timeval tv = {0, 10000};
    CHECK(select(p[0] + 1, &set, NULL, NULL, &tv) == 0 && !FD_ISSET(p[0], &set));
    FD_SET(p[0], &set);
    CHECK(write(p[1], "x", 1) == 1);
    CHECK(select(p[0] + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(p[0], &set));
    section("capacity");
    CHECK(fcntl(p[1], F_GETPIPE_SZ) == 65536);
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 8192) == 8192);
    fcntl(p[1], F_SETFL, O_NONBLOCK);
    CHECK(write(p[1], big, 100000) < 8192 + 1);
    section("fifo");
    CHECK(mkfifo("fifo", 0600) == 0);
    struct stat st;
    CHECK(stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode));
    FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    int r = open("fifo", O_RDONLY | O_NONBLOCK);
    CHECK(r >= 0);
    int wr = open("fifo", O_WRONLY);
    CHECK(wr >= 0 && write(wr, "q", 1) == 1 && read(r, buf, 10) == 1);
    close(r);
    close(wr);
    fflush(stdout);
    if ((pid = fork()) == 0) {
        wr = open("fifo", O_WRONLY);
        _exit(write(wr, "through", 7) == 7 ? 0 : 1);
    }
    r = open("fifo", O_RDONLY);
    CHECK(r >= 0 && read(r, buf, 100) == 7 && memcmp(buf, "through", 7) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(read(r, buf, 1) == 0);
    return finish();
}
