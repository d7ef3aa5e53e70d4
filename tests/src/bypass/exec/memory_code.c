/* Runs code in memory that no call asks to be run: on its stack, which its file wants so, or on its heap, after it
 * asked for a personality by the gate for 32-bit calls. `PROGRAM MARK` leaves the mark. */
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* long code(number, one, two, three): mov rax, rdi; mov rdi, rsi; mov rsi, rdx; mov rdx, rcx; syscall; ret */
static const unsigned char CODE[] = {0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89,
                                     0xd6, 0x48, 0x89, 0xca, 0x0f, 0x05, 0xc3};

int main(int count, char **words)
{
#ifdef ON_STACK
    unsigned char space[64];
#else
    enum { PERSONALITY_OF_32_BITS = 136, READ_IMPLIES_EXEC = 0x400000 };
    long answer;
    __asm__ volatile("int $0x80"
                     : "=a"(answer)
                     : "a"(PERSONALITY_OF_32_BITS), "b"(READ_IMPLIES_EXEC)
                     : "memory", "r8", "r9", "r10", "r11");
    void *space = sbrk(4096);
#endif
    memcpy(space, CODE, sizeof CODE);
    /* Whoever compiles this must not think that nobody reads it. */
    __asm__ volatile("" : : "r"((void *)space) : "memory");
    long (*code)(long, const char *, long, long) = (void *)space;
    return count == 2 && code(SYS_open, words[1], O_CREAT | O_WRONLY, 0666) >= 0 ? 0 : 1;
}
