#include "../conform.h"
int main(int argc, char **argv) {
    (void)argv;
    printf("hello, world (%d argument)\n", argc);
    fprintf(stderr, "to standard error\n");
    return 42;
}
