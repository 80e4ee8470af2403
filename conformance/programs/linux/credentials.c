/* credentials(7), setuid(2), setgroups(2), access(2), chmod(2), umask(2), capabilities(7). Needs root. */
#include "../conform.h"
#include <grp.h>
#include <sys/prctl.h>
static int uid_now(void) { return getuid() * 1000000 + geteuid(); }
static void become_user(void) {
    gid_t groups[] = {50, 60};
    CHECK(setgroups(2, groups) == 0);
    CHECK(setresgid(100, 100, 100) == 0);
    CHECK(setresuid(1000, 1000, 1000) == 0);
    CHECK(uid_now() == 1000001000 && getgid() == 100);
    gid_t got[10];
    CHECK(getgroups(10, got) == 2 && got[0] == 50 && got[1] == 60);
    FAILS(setuid(0), EPERM);
    FAILS(seteuid(0), EPERM);
    FAILS(setgroups(0, NULL), EPERM);
    FAILS(chown("owned", 1000, 100), EPERM);
    FAILS(open("owned", O_RDONLY), EACCES);
    FAILS(open("dir/x", O_RDONLY), EACCES);
    FAILS(unlink("owned"), EACCES);
    FAILS(chmod("owned", 0777), EPERM);
    CHECK(open("group", O_RDONLY) >= 0);
    FAILS(open("group", O_WRONLY), EACCES);
    FAILS(kill(getppid(), SIGTERM), EPERM);
    FAILS(unlink("sticky/root"), EPERM);
    FAILS(rename("sticky/root", "sticky/mine"), EPERM);
    int fd = open("sticky/own", O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0 && unlink("sticky/own") == 0);
    FAILS(sethostname("x", 1), EPERM);
    FAILS(chroot("."), EPERM);
    FAILS(mkdir("new", 0700), EACCES);
    FAILS(access("owned", R_OK), EACCES);
    CHECK(access("owned", F_OK) == 0);
    FAILS(setpriority(PRIO_PROCESS, 0, -5), EACCES);
    fflush(stdout);
    if (conform_failures) _exit(1);
}
static void real_and_effective(void) {
    CHECK(setresuid(1000, 0, 0) == 0);
    FAILS(access("owned", R_OK), EACCES);
    CHECK(open("owned", O_RDONLY) >= 0);
    CHECK(seteuid(1000) == 0 && uid_now() == 1000001000);
    CHECK(seteuid(0) == 0);
    CHECK(setuid(1000) == 0);
    FAILS(seteuid(0), EPERM);
    fflush(stdout);
    if (conform_failures) _exit(1);
}
int main(void) {
    struct stat st;
    if (geteuid() != 0) {
        printf("needs root\n");
        return 0;
    }
    umask(0);
    close(open("owned", O_CREAT | O_WRONLY, 0600));
    close(open("group", O_CREAT | O_WRONLY, 0640));
    CHECK(chown("group", 0, 60) == 0);
    mkdir("dir", 0600);
    mkdir("sticky", 01777);
    close(open("sticky/root", O_CREAT | O_WRONLY, 0666));
    chmod(".", 0755);
    CHECK(child_status(become_user) == 0);
    CHECK(child_status(real_and_effective) == 0);
    section("ownership and set-id bits");
    int fd = open("setid", O_CREAT | O_RDWR, 0700);
    CHECK(fchmod(fd, 06755) == 0 && fchown(fd, 1, 1) == 0 && fstat(fd, &st) == 0);
    CHECK((st.st_mode & 07777) == 0755 && st.st_uid == 1 && st.st_gid == 1);
    CHECK(umask(077) == 0 && umask(022) == 077);
    close(open("masked", O_CREAT | O_WRONLY, 0777));
    CHECK(stat("masked", &st) == 0 && (st.st_mode & 07777) == 0755);
    CHECK(mkdir("setgid", 0755) == 0 && chown("setgid", 0, 77) == 0 && chmod("setgid", 02755) == 0);
    close(open("setgid/f", O_CREAT | O_WRONLY, 0600));
    CHECK(stat("setgid/f", &st) == 0 && st.st_gid == 77);
    CHECK(mkdir("setgid/d", 0700) == 0 && stat("setgid/d", &st) == 0 && (st.st_mode & 02000));
    section("prctl");
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    FAILS(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
    char name[16];
    CHECK(prctl(PR_SET_NAME, "a-name-that-is-too-long") == 0 && prctl(PR_GET_NAME, name) == 0);
    CHECK(strcmp(name, "a-name-that-is-") == 0);
    return finish();
}
