// The sockets of another process, from /proc.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <dirent.h>
#include <sys/types.h>
#include <unistd.h>

namespace sessionctl::pg {

/// Calls `visit` with the descriptor in that process and the inode of each socket, until it returns true.
/// False, with errno, if the system does not tell.
template <typename Visit>
bool for_each_socket(pid_t pid, Visit&& visit) {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR* const descriptors = opendir(path);
    if (descriptors == nullptr)
        return false;
    bool is_over = false;
    while (const dirent* const entry = is_over ? nullptr : readdir(descriptors)) {
        char target[64];
        unsigned inode;
        const ssize_t length = readlinkat(dirfd(descriptors), entry->d_name, target, sizeof target - 1);
        if (length <= 0)
            continue;
        target[length] = '\0';
        if (std::sscanf(target, "socket:[%u]", &inode) == 1)
            is_over = visit(std::atoi(entry->d_name), inode);
    }
    closedir(descriptors);
    return true;
}

} // namespace sessionctl::pg
