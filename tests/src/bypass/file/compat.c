/* What a program of 32 bits asks for: the old gate, its own numbers, its own layouts. Ends with the errno. */
enum { EXIT = 1, WRITE = 4, OPEN = 5, EXECVE = 11, IOCTL = 54 };
enum { O_RDONLY = 0, O_WRONLY = 1 };
#define FS_IOC32_SETFLAGS 0x40046602
#define FS_NODUMP_FL 0x40

static long call(long number, long one, long two, long three) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(one), "c"(two), "d"(three) : "memory");
    return result;
}

static long run(long argc, char **argv) {
    static const char changed[] = "changed by the attack\n";
    long flags = FS_NODUMP_FL, fd;
    if (argc < 3)
        return -200;
    switch (argv[1][0]) {
    case 'e': /* exec PROGRAM ARGS... */
        return call(EXECVE, (long)argv[2], (long)(argv + 2), (long)(argv + argc + 1));
    case 'w': /* write FILE */
        fd = call(OPEN, (long)argv[2], O_WRONLY, 0);
        return fd < 0 ? fd : call(WRITE, fd, (long)changed, sizeof changed - 1);
    case 'f': /* flags FILE */
        fd = call(OPEN, (long)argv[2], O_RDONLY, 0);
        return fd < 0 ? fd : call(IOCTL, fd, FS_IOC32_SETFLAGS, (long)&flags);
    }
    return -200;
}

__attribute__((used)) static void begin(long *stack) {
    long result = run(stack[0], (char **)(stack + 1));
    call(EXIT, result < 0 ? -result : 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tpush %eax\n\tcall begin\n");
