/* mmap(2), munmap(2), mprotect(2), mremap(2), brk(2), madvise(2), mincore(2), msync(2), fork(2) and memory. */
#include "../conform.h"
#define MB (1 << 20)
static char *anon(size_t n, int prot) { return mmap(NULL, n, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
static void touch_unmapped(void) {
    char *p = anon(3 * 4096, PROT_READ | PROT_WRITE);
    p[4096] = 1;
    munmap(p + 4096, 4096);
    p[0] = p[8192] = 1;
    p[4096] = 2;
}
static void write_after_protect(void) {
    char *p = anon(4096, PROT_READ | PROT_WRITE);
    *p = 1;
    mprotect(p, 4096, PROT_READ);
    if (*p != 1) _exit(1);
    *p = 2;
}
static int sum(volatile char *p, size_t n) {
    int s = 0;
    for (size_t i = 0; i < n; i += 4096) s += p[i];
    return s;
}
int main(void) {
    int st;
    section("anonymous");
    char *p = anon(MB, PROT_READ | PROT_WRITE);
    CHECK(sum(p, MB) == 0);
    memset(p, 1, MB);
    CHECK(sum(p, MB) == 256);
    CHECK(madvise(p, MB / 2, MADV_DONTNEED) == 0 && sum(p, MB) == 128);
    CHECK(munmap(p, MB) == 0 && munmap(p, MB) == 0);
    FAILS(munmap(p + 1, 4096), EINVAL);
    FAILS(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    FAILS(mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0), EINVAL);
    FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0), EBADF);
    FAILS(mmap(NULL, -4096UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    CHECK(child_status(touch_unmapped) == 128 + SIGSEGV);
    CHECK(child_status(write_after_protect) == 128 + SIGSEGV);
    section("fixed");
    p = anon(16 * 4096, PROT_READ | PROT_WRITE);
    memset(p, 3, 16 * 4096);
    char *q = mmap(p + 4 * 4096, 4 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(q == p + 4 * 4096 && sum(p, 16 * 4096) == 12 * 3);
    FAILS(mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    FAILS(mmap(p + 1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    CHECK(mprotect(p, 16 * 4096, PROT_READ | PROT_WRITE) == 0);
    p[4 * 4096] = 9;
    CHECK(sum(p, 16 * 4096) == 45);
    munmap(p + 2 * 4096, 4096);
    FAILS(mprotect(p, 16 * 4096, PROT_READ), ENOMEM);
    FAILS(mprotect(p + 1, 4096, PROT_READ), EINVAL);
    unsigned char vec[16];
    FAILS(mincore(p, 16 * 4096, vec), ENOMEM);
    CHECK(mincore(p, 2 * 4096, vec) == 0 && (vec[0] & 1));
    section("mremap");
    p = anon(4 * 4096, PROT_READ | PROT_WRITE);
    for (int i = 0; i < 4; i++) p[i * 4096] = i + 1;
    q = mremap(p, 4 * 4096, 400 * 4096, MREMAP_MAYMOVE);
    CHECK(q != MAP_FAILED && sum(q, 400 * 4096) == 10);
    q[399 * 4096] = 5;
    p = mremap(q, 400 * 4096, 2 * 4096, 0);
    CHECK(p == q && sum(p, 2 * 4096) == 3);
    char *target = anon(8192, PROT_NONE);
    q = mremap(p, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    CHECK(q == target && sum(q, 8192) == 3);
    FAILS(mremap(p, 8192, 8192, MREMAP_MAYMOVE), EFAULT);
    section("brk");
    char *b = sbrk(0);
    CHECK(sbrk(100000) == b);
    memset(b, 1, 100000);
    CHECK(brk(b) == 0 && sbrk(0) == b);
    CHECK(sbrk(100000) == b && sum(b, 100000) - b[0] >= 0);
    section("files");
    int fd = open("f", O_CREAT | O_RDWR, 0600);
    char page[4096];
    memset(page, 'a', 4096);
    for (int i = 0; i < 4; i++) (void)!write(fd, page, 4096);
    char *priv = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *shared = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(priv[0] == 'a' && shared[4096] == 'a');
    priv[0] = 'p';
    CHECK(shared[0] == 'a' && pread(fd, page, 1, 0) == 1 && page[0] == 'a');
    shared[1] = 's';
    CHECK(pread(fd, page, 2, 0) == 2 && page[1] == 's');
    CHECK(pwrite(fd, "ww", 2, 8192) == 2 && shared[8192] == 'w' && priv[8193] == 'w');
    CHECK(msync(shared, 4096, MS_SYNC) == 0);
    FAILS(msync(shared, 4096, MS_SYNC | MS_ASYNC), EINVAL);
    int ro = open("f", O_RDONLY);
    FAILS(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, ro, 0), EACCES);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, ro, 0) != MAP_FAILED);
    FAILS(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1), EINVAL);
    q = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 8192);
    CHECK(q[0] == 'w');
    close(fd);
    CHECK(shared[0] == 'a');
    section("shared between processes");
    char *sh = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        sh[0] = 1;
        sh[4096] = 2;
        shared[2] = 'c';
        priv[3] = 'c';
        _exit(0);
    }
    waitpid(pid, &st, 0);
    CHECK(sh[0] == 1 && sh[4096] == 2 && shared[2] == 'c' && priv[3] == 'a');
    section("copy on write over 32 MiB");
    size_t n = 32 * MB;
    p = anon(n, PROT_READ | PROT_WRITE);
    for (size_t i = 0; i < n; i += 4096) p[i] = 1;
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        int before = sum(p, n);
        for (size_t i = 0; i < n; i += 8192) p[i] = 3;
        pid_t g = fork();
        if (g == 0) _exit(sum(p, n) == (int)(n / 4096 * 2) ? 0 : 1);
        int gs;
        waitpid(g, &gs, 0);
        _exit(before == (int)(n / 4096) && gs == 0 && sum(p, n) == (int)(n / 4096 * 2) ? 0 : 1);
    }
    for (size_t i = 4096; i < n; i += 8192) p[i] = 5;
    waitpid(pid, &st, 0);
    CHECK(st == 0);
    CHECK(sum(p, n) == (int)(n / 8192 * 6));
    section("system calls on memory that is not there");
    char *edge = anon(8192, PROT_READ | PROT_WRITE);
    munmap(edge + 4096, 4096);
    fd = open("edge", O_CREAT | O_RDWR, 0600);
    CHECK(write(fd, edge + 4000, 96) == 96);
    CHECK(write(fd, edge + 4000, 200) == 96 || errno == EFAULT);
    FAILS(write(fd, edge + 4096, 1), EFAULT);
    lseek(fd, 0, SEEK_SET);
    FAILS(read(fd, edge + 4096, 1), EFAULT);
    FAILS(read(fd, (void *)0xffff800000000000UL, 10), EFAULT);
    FAILS(read(fd, (void *)-1UL, 10), EFAULT);
    memset(edge, 'x', 4096);
    FAILS(open(edge + 4090, O_RDONLY), EFAULT);
    char *rdonly = anon(4096, PROT_READ);
    FAILS(read(fd, rdonly, 1), EFAULT);
    section("reuse of addresses does not show old data");
    int stale = 0;
    for (int i = 0; i < 200; i++) {
        p = anon(64 * 4096, PROT_READ | PROT_WRITE);
        stale += sum(p, 64 * 4096);
        memset(p, 7, 64 * 4096);
        munmap(p, 64 * 4096);
    }
    CHECK(stale == 0);
    return finish();
}
