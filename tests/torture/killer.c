/* Preloaded library that kills the process (SIGKILL) right before its n-th call that changes a file.
 *
 * cc -shared -fPIC -O1 -o killer.so killer.c -ldl;  LD_PRELOAD=killer.so python …
 * killer_arm(n, torn) starts to count; with `torn`, the first half of the n-th call's data is
 * written if that call is a write. killer_count() returns the number of calls since.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long count, last;
static atomic_int armed, half;

void killer_arm(long n, int torn) { count = 0; last = n; half = torn; armed = 1; }
long killer_count(void) { return count; }

static void end(void) { kill(getpid(), SIGKILL); for (;;) pause(); }
static int due(void) { return armed && atomic_fetch_add(&count, 1) + 1 == last; }
static int regular(int fd) {
    struct stat s;
    return armed && fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
}
#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define STEP(test) do { if ((test) && due()) end(); } while (0)

ssize_t write(int fd, const void *data, size_t n) {
    REAL(write);
    if (regular(fd) && due()) { if (half && n > 1) real(fd, data, n / 2); end(); }
    return real(fd, data, n);
}
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    REAL(pwrite64);
    if (regular(fd) && due()) { if (half && n > 1) real(fd, data, n / 2, at); end(); }
    return real(fd, data, n, at);
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) { return pwrite64(fd, data, n, at); }
ssize_t writev(int fd, const struct iovec *v, int n) { REAL(writev); STEP(regular(fd)); return real(fd, v, n); }
int fsync(int fd) { REAL(fsync); STEP(1); return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); STEP(1); return real(fd); }
int ftruncate(int fd, off_t n) { REAL(ftruncate); STEP(1); return real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); STEP(1); return real(fd, n); }
int rename(const char *a, const char *b) { REAL(rename); STEP(1); return real(a, b); }
int renameat(int d, const char *a, int e, const char *b) { REAL(renameat); STEP(1); return real(d, a, e, b); }
int link(const char *a, const char *b) { REAL(link); STEP(1); return real(a, b); }
int linkat(int d, const char *a, int e, const char *b, int f) { REAL(linkat); STEP(1); return real(d, a, e, b, f); }
int unlink(const char *a) { REAL(unlink); STEP(1); return real(a); }
int unlinkat(int d, const char *a, int f) { REAL(unlinkat); STEP(1); return real(d, a, f); }
int mkdir(const char *a, mode_t m) { REAL(mkdir); STEP(1); return real(a, m); }

#define OPEN(name, ...) \
    mode_t mode = 0; \
    if (flags & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
    REAL(name); \
    STEP(flags & (O_CREAT | O_TRUNC)); \
    return real(__VA_ARGS__, flags, mode)
int open(const char *a, int flags, ...) { OPEN(open, a); }
int open64(const char *a, int flags, ...) { OPEN(open64, a); }
int openat(int d, const char *a, int flags, ...) { OPEN(openat, d, a); }
int openat64(int d, const char *a, int flags, ...) { OPEN(openat64, d, a); }
