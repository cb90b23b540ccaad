/* replay.c: a main() for fuzz targets built without libFuzzer. Runs the target over each file named on the command line, and over each
 * file of each folder named there, so that every input which once broke something is tried again by the ordinary tests. Prints how
 * many inputs ran, and fails when there was none. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int n_inputs;

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return fprintf(stderr, "replay: %s: %s\n", path, strerror(errno)), -1;
    int status = -1;
    uint8_t *bytes = NULL;
    struct stat info;
    if (fstat(fileno(file), &info) != 0) goto cleanup;
    size_t size = (size_t)info.st_size;
    bytes = malloc(size ? size : 1); /* exactly the input's size: a read past its end is seen by the sanitizer */
    if (!bytes || fread(bytes, 1, size, file) != size) goto cleanup;
    LLVMFuzzerTestOneInput(bytes, size);
    n_inputs++;
    status = 0;
cleanup:
    if (status != 0) fprintf(stderr, "replay: %s could not be read\n", path);
    free(bytes);
    fclose(file);
    return status;
}

static int replay_folder(const char *path) {
    DIR *folder = opendir(path);
    if (!folder) return fprintf(stderr, "replay: %s: %s\n", path, strerror(errno)), -1;
    int status = 0;
    for (struct dirent *entry = readdir(folder); entry && status == 0; entry = readdir(folder)) {
        char name[4096];
        if (entry->d_name[0] == '.') continue;
        int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        status = length > 0 && (size_t)length < sizeof name ? replay_file(name) : -1;
    }
    closedir(folder);
    return status;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct stat info;
        if (stat(argv[i], &info) != 0) return fprintf(stderr, "replay: %s: %s\n", argv[i], strerror(errno)), EXIT_FAILURE;
        if ((S_ISDIR(info.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i])) != 0) return EXIT_FAILURE;
    }
    printf("replay: %d inputs\n", n_inputs);
    return n_inputs > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
