/* What a program finds at its start: execve(2), getauxval(3). */
#include "../conform.h"
#include <sys/auxv.h>
extern char **environ;
extern char __executable_start;
int main(int argc, char **argv) {
    CHECK(argc == 1);
    CHECK(argv[argc] == NULL);
    CHECK(getauxval(AT_PAGESZ) == 4096);
    CHECK(getauxval(AT_RANDOM) != 0);
    CHECK(getauxval(AT_PHDR) != 0);
    CHECK(getauxval(AT_PHENT) == 56);
    CHECK(getauxval(AT_CLKTCK) == 100);
    CHECK(getauxval(AT_UID) == getuid());
    CHECK(getauxval(AT_EGID) == getegid());
    CHECK(getauxval(AT_SECURE) == 0);
    CHECK(getauxval(AT_EXECFN) != 0 && strlen((char *)getauxval(AT_EXECFN)) > 0);
    CHECK(((uintptr_t)__builtin_frame_address(0) & 15) == 0);
    CHECK(strcmp((char *)getauxval(AT_PLATFORM), "x86_64") == 0);
    int n = 0;
    for (char **e = environ; *e; e++) n++;
    CHECK(n > 0 && getenv("PATH") != NULL);
    int fds = 0;
    for (int fd = 0; fd < 3; fd++) fds += fcntl(fd, F_GETFD) >= 0;
    CHECK(fds == 3);
    CHECK((fcntl(1, F_GETFL) & O_ACCMODE) != O_RDONLY);
    static char bss[100000];
    int zero = 1;
    for (size_t i = 0; i < sizeof bss; i++) zero &= bss[i] == 0;
    CHECK(zero);
    return finish();
}
