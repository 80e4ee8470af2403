/* execve(2). Runs itself in several roles. */
#include "../conform.h"
#include <sys/auxv.h>
static char self[PATH_MAX];
static int run(char *path, char *const argv[], char *const envp[]) {
    fflush(stdout);
    pid_t p = fork();
    if (p == 0) {
        execve(path, argv, envp);
        _exit(errno == ENOENT ? 100 : errno == EACCES ? 101 : errno == ENOEXEC ? 102 : errno == E2BIG ? 103
              : errno == ENOTDIR ? 104 : errno == ELOOP ? 105 : errno == EFAULT ? 106 : 110);
    }
    int st;
    waitpid(p, &st, 0);
    return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}
static void file(const char *name, const char *text, mode_t mode) {
    int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0700);
    (void)!write(fd, text, strlen(text));
    fchmod(fd, mode);
    close(fd);
}
static void *exec_from_thread(void *unused) {
    (void)unused;
    char *argv[] = {self, "status", "33", NULL};
    execve(self, argv, NULL);
    return NULL;
}
static void handler(int s) { (void)s; }
static void *spin(void *unused) {
    for (;;) pause();
    return unused;
}
int main(int argc, char **argv, char **envp) {
    if (argc > 1 && !strcmp(argv[1], "status")) return atoi(argv[2]);
    if (argc > 1 && !strcmp(argv[1], "show")) {
        for (int i = 1; i < argc; i++) printf("arg %s\n", argv[i]);
        for (char **e = envp; *e; e++) printf("env %s\n", *e);
        return 0;
    }
    if (argc > 1 && !strcmp(argv[1], "fds")) return (fcntl(20, F_GETFD) >= 0) * 2 + (fcntl(21, F_GETFD) >= 0);
    if (argc > 1 && !strcmp(argv[1], "signals")) {
        struct sigaction sa;
        sigset_t set;
        sigaction(SIGUSR1, NULL, &sa);
        int r = sa.sa_handler == SIG_DFL;
        sigaction(SIGUSR2, NULL, &sa);
        r += 2 * (sa.sa_handler == SIG_IGN);
        sigprocmask(SIG_BLOCK, NULL, &set);
        r += 4 * sigismember(&set, SIGHUP);
        sigpending(&set);
        r += 8 * sigismember(&set, SIGHUP);
        return r;
    }
    if (argc > 1 && !strcmp(argv[1], "as-interpreter")) {
        printf("interpreter got");
        for (int i = 1; i < argc; i++) printf(" [%s]", argv[i]);
        printf("\n");
        return 0;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(n > 0 && self[0] == '/');
    section("arguments and environment");
    char *show[] = {"x", "show", "", "two words", NULL}, *env[] = {"A=1", "EMPTY=", NULL};
    CHECK(run(self, show, env) == 0);
    section("errors");
    char *none[] = {"x", NULL};
    mkdir("dir", 0700);
    file("plain", "echo no\n", 0600);
    file("garbage", "\x01\x02\x03\x04 not a program", 0755);
    file("empty", "", 0755);
    file("truncated", "\177ELF\2\1\1", 0755);
    CHECK(run("missing", none, env) == 100);
    CHECK(run("dir", none, env) == 101);
    CHECK(run("plain", none, env) == 101);
    CHECK(run("garbage", none, env) == 102);
    CHECK(run("empty", none, env) == 102);
    CHECK(run("truncated", none, env) == 102);
    CHECK(run("plain/x", none, env) == 104);
    CHECK(run((char *)8, none, env) == 106);
    char **volatile wild = (char **)8;
    CHECK(run(self, wild, env) == 106);
    static char huge[200000];
    memset(huge, 'x', sizeof huge - 1);
    char *toolong[] = {"x", huge, NULL};
    CHECK(run(self, toolong, env) == 103);
    section("scripts");
    char line[PATH_MAX + 100];
    snprintf(line, sizeof line, "#!%s as-interpreter  \nrest\n", self);
    file("script", line, 0755);
    char *sargs[] = {"ignored", "one", "two", NULL};
    CHECK(run("./script", sargs, env) == 0);
    file("nointerp", "#!/does/not/exist\n", 0755);
    CHECK(run("./nointerp", none, env) == 100);
    file("emptyinterp", "#!   \n", 0755);
    CHECK(run("./emptyinterp", none, env) == 102);
    file("loop", "#!./loop\n", 0755);
    CHECK(run("./loop", none, env) == 105);
    section("descriptors");
    char *fds[] = {"x", "fds", NULL};
    dup2(1, 20);
    dup3(1, 21, O_CLOEXEC);
    CHECK(run(self, fds, env) == 2);
    section("signals");
    char *sig[] = {"x", "signals", NULL};
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fflush(stdout);
    pid_t p = fork();
    int st;
    if (p == 0) {
        raise(SIGHUP);
        execve(self, sig, env);
        _exit(99);
    }
    waitpid(p, &st, 0);
    CHECK(WEXITSTATUS(st) == 15);
    section("with several threads");
    fflush(stdout);
    p = fork();
    if (p == 0) {
        pthread_t t;
        for (int i = 0; i < 5; i++) pthread_create(&t, NULL, spin, NULL);
        pthread_create(&t, NULL, exec_from_thread, NULL);
        for (;;) pause();
    }
    CHECK(waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == 33);
    section("vfork and exec");
    char *status[] = {"x", "status", "12", NULL};
    p = vfork();
    if (p == 0) {
        execve(self, status, env);
        _exit(99);
    }
    CHECK(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 12);
    section("through a descriptor and a link");
    symlink(self, "link");
    CHECK(run("link", status, env) == 12);
    int fd = open(self, O_RDONLY);
    fflush(stdout);
    p = fork();
    if (p == 0) {
        syscall(SYS_execveat, fd, "", status, env, AT_EMPTY_PATH);
        _exit(99);
    }
    waitpid(p, &st, 0);
    CHECK(WEXITSTATUS(st) == 12);
    return finish();
}
