/* A library that leaves a mark when it is loaded, as a preloaded one, as an auditor, or by dlopen. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void mark(void) {
    const char *path = getenv("GUARDTEST_MARK");
    if (path)
        close(open(path, O_WRONLY | O_CREAT, 0666));
}

/* What the loader asks of an auditor. */
unsigned int la_version(unsigned int version) { return version; }
