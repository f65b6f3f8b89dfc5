#include "pg/clients/socket_queues.hpp"

#ifdef __linux__

#include "pg/clients/process_sockets.hpp"
#include "pg/clients/socket_diagnosis.hpp"

#include <boost/container/static_vector.hpp>

#include <linux/inet_diag.h>
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

/// Unix sockets are queried one by one.
unsigned add_unix_sockets(SocketDiagnosis& diagnosis, const Inodes& inodes, SocketQueues& queues) noexcept {
    unsigned seen = 0;
    for (const std::uint32_t inode : inodes)
        diagnosis.query_unix_socket(inode, UDIAG_SHOW_RQLEN, [&](const unix_diag_msg&, rtattr& attribute) {
            if (attribute.rta_type != UNIX_DIAG_RQLEN)
                return;
            const auto* const queue = static_cast<const unix_diag_rqlen*>(RTA_DATA(&attribute));
            add(queues, queue->udiag_rqueue, queue->udiag_wqueue);
            ++seen;
        });
    return seen;
}

unsigned add_tcp_sockets(SocketDiagnosis& diagnosis, int family, const Inodes& inodes,
                         SocketQueues& queues) noexcept {
    unsigned seen = 0;
    inet_diag_req_v2 request = {};
    request.sdiag_family = static_cast<std::uint8_t>(family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = ~0U;
    diagnosis.query(request, NLM_F_DUMP, [&](nlmsghdr& header) {
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
