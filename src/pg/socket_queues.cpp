#include "pg/socket_queues.hpp"

#ifdef __linux__

#include "pg/process_sockets.hpp"
#include "pg/socket_diagnosis.hpp"

#include <boost/container/static_vector.hpp>

#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>

namespace sessionctl::pg {

namespace {

/// A backend has its client's socket and few others.
using Inodes = boost::container::static_vector<std::uint32_t, 64>;

bool list_sockets(pid_t pid, Inodes& inodes) noexcept {
    for_each_socket(pid, [&inodes](int, unsigned inode) {
        inodes.push_back(inode);
        return inodes.size() == inodes.capacity();
    });
    return !inodes.empty();
}

void add(SocketQueues& queues, std::uint32_t input, std::uint32_t output) noexcept {
    queues.has_input |= input > 0;
    queues.has_output |= output > 0;
}

/// Unix sockets are asked about one by one; what is no Unix socket is an error, and of no interest.
unsigned add_unix_sockets(SocketDiagnosis& diagnosis, const Inodes& inodes, SocketQueues& queues) noexcept {
    unsigned seen = 0;
    for (const std::uint32_t inode : inodes) {
        unix_diag_req request = {};
        request.sdiag_family = AF_UNIX;
        request.udiag_states = ~0U;
        request.udiag_ino = inode;
        request.udiag_show = UDIAG_SHOW_RQLEN;
        request.udiag_cookie[0] = request.udiag_cookie[1] = ~0U; // any
        diagnosis.ask(request, 0, [&](nlmsghdr& header) {
            auto* const socket = static_cast<unix_diag_msg*>(NLMSG_DATA(&header));
            int length = static_cast<int>(header.nlmsg_len) - static_cast<int>(NLMSG_LENGTH(sizeof *socket));
            for (auto* attribute = reinterpret_cast<rtattr*>(socket + 1); RTA_OK(attribute, length);
                 attribute = RTA_NEXT(attribute, length)) {
                if (attribute->rta_type != UNIX_DIAG_RQLEN)
                    continue;
                const auto* const queue = static_cast<const unix_diag_rqlen*>(RTA_DATA(attribute));
                add(queues, queue->udiag_rqueue, queue->udiag_wqueue);
                ++seen;
            }
        });
    }
    return seen;
}

unsigned add_tcp_sockets(SocketDiagnosis& diagnosis, int family, const Inodes& inodes,
                         SocketQueues& queues) noexcept {
    unsigned seen = 0;
    inet_diag_req_v2 request = {};
    request.sdiag_family = static_cast<std::uint8_t>(family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = ~0U;
    diagnosis.ask(request, NLM_F_DUMP, [&](nlmsghdr& header) {
        const auto* const socket = static_cast<const inet_diag_msg*>(NLMSG_DATA(&header));
        for (const std::uint32_t inode : inodes) {
            if (socket->idiag_inode != inode)
                continue;
            add(queues, socket->idiag_rqueue, socket->idiag_wqueue);
            ++seen;
        }
    });
    return seen;
}

} // namespace

bool socket_queues_of(pid_t pid, SocketQueues& queues) noexcept {
    queues = {};
    Inodes inodes;
    if (!list_sockets(pid, inodes))
        return false;
    SocketDiagnosis diagnosis;
    unsigned seen = add_unix_sockets(diagnosis, inodes, queues);
    if (seen < inodes.size())
        seen += add_tcp_sockets(diagnosis, AF_INET, inodes, queues);
    if (seen < inodes.size())
        seen += add_tcp_sockets(diagnosis, AF_INET6, inodes, queues);
    return seen > 0;
}

} // namespace sessionctl::pg

#else

namespace sessionctl::pg {

bool socket_queues_of(pid_t, SocketQueues&) noexcept {
    return false;
}

} // namespace sessionctl::pg

#endif
