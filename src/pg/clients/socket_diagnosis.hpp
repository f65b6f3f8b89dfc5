// Queries the kernel about sockets of any process: Linux's sock_diag, which needs no privilege.
#pragma once

#ifdef __linux__

#include <cstdint>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sessionctl::pg {

/// A netlink socket for these queries.
class SocketDiagnosis {
  public:
    SocketDiagnosis() noexcept : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {}
    ~SocketDiagnosis() {
        if (socket_ >= 0)
            close(socket_);
    }
    SocketDiagnosis(const SocketDiagnosis&) = delete;
    SocketDiagnosis& operator=(const SocketDiagnosis&) = delete;

    /// Sends one request and calls `visit` with each answer. False if the kernel does not support the
    /// request, or did not send all answers. `visit` may throw.
    template <typename Request, typename Visit>
    bool query(const Request& request, std::uint16_t flags, Visit&& visit) {
        struct {
            nlmsghdr header;
            Request body;
        } message = {};
        message.header.nlmsg_len = sizeof message;
        message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
        message.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
        message.body = request;
        if (send(socket_, &message, sizeof message, 0) != static_cast<ssize_t>(sizeof message))
            return false;
        bool is_whole = true;
        for (;;) {
            const ssize_t received = recv(socket_, buffer_, sizeof buffer_, 0);
            if (received <= 0)
                return false;
            auto length = static_cast<int>(received); // signed: after an unaligned message it is negative
            for (auto* header = reinterpret_cast<nlmsghdr*>(buffer_); NLMSG_OK(header, length);
                 header = NLMSG_NEXT(header, length)) {
                is_whole &= (header->nlmsg_flags & NLM_F_DUMP_INTR) == 0;
                if (header->nlmsg_type == NLMSG_DONE)
                    return is_whole && result_of(*header) >= 0;
                if (header->nlmsg_type == NLMSG_ERROR)
                    return false;
                visit(*header);
                if ((flags & NLM_F_DUMP) == 0)
                    return true;
            }
        }
    }

    /// Queries one Unix socket: `visit` gets each attribute. If the inode is not a Unix socket's, that is an
    /// error, which is ignored.
    template <typename Visit>
    void query_unix_socket(std::uint32_t inode, std::uint32_t show, Visit&& visit) {
        unix_diag_req request = {};
        request.sdiag_family = AF_UNIX;
        request.udiag_states = ~0U;
        request.udiag_ino = inode;
        request.udiag_show = show;
        request.udiag_cookie[0] = request.udiag_cookie[1] = ~0U; // any
        query(request, 0, [&visit](nlmsghdr& header) {
            auto* const socket = static_cast<unix_diag_msg*>(NLMSG_DATA(&header));
            int length = static_cast<int>(header.nlmsg_len) - static_cast<int>(NLMSG_LENGTH(sizeof *socket));
            for (auto* attribute = reinterpret_cast<rtattr*>(socket + 1); RTA_OK(attribute, length);
                 attribute = RTA_NEXT(attribute, length))
                visit(*socket, *attribute);
        });
    }

  private:
    /// A list that ends early ends with an error code.
    static int result_of(const nlmsghdr& done) noexcept {
        return done.nlmsg_len >= NLMSG_LENGTH(sizeof(int)) ? *static_cast<const int*>(NLMSG_DATA(&done)) : 0;
    }

    const int socket_;
    alignas(nlmsghdr) char buffer_[16384];
};

} // namespace sessionctl::pg

#endif
