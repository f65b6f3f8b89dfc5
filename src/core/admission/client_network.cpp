#include "core/admission/client_network.hpp"

#include "core/settings_file.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace sessionctl::core {

namespace {

using Family = ClientHost::Family;

constexpr int ipv4_bits = 32;
constexpr int ipv6_bits = 128;
constexpr int mapped_bits = 96; // of ::ffff:0:0/96
constexpr int group_count = 8;  // of an IPv6 address, 16 bits each

bool has_bit(const unsigned char* address, int bit) noexcept {
    return (address[bit / 8] & (0x80 >> bit % 8)) != 0;
}

ClientNetwork masked(const unsigned char* bytes, int length, Family family, int bits) noexcept {
    ClientNetwork network = {family, static_cast<std::uint8_t>(std::clamp(bits, 0, length)), {}};
    for (int bit = 0; bit < network.bits; ++bit)
        if (has_bit(bytes, bit))
            network.address[bit / 8] |= static_cast<unsigned char>(0x80 >> bit % 8);
    return network;
}

bool read_ipv4(std::string_view text, unsigned char* address) noexcept {
    for (int part = 0; part < 4; ++part) {
        const std::size_t end = part < 3 ? text.find('.') : text.size();
        std::int64_t number = 0;
        if (end == std::string_view::npos || end > 3 || !read_number(text.substr(0, end), 255, number))
            return false;
        address[part] = static_cast<unsigned char>(number);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}

bool read_group(std::string_view text, unsigned char* address) noexcept {
    unsigned value = 0;
    if (text.empty() || text.size() > 4)
        return false;
    for (const char c : text) {
        const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
        const bool is_digit = lower >= '0' && lower <= '9';
        if (!is_digit && (lower < 'a' || lower > 'f'))
            return false;
        value = value * 16 + static_cast<unsigned>(is_digit ? lower - '0' : lower - 'a' + 10);
    }
    address[0] = static_cast<unsigned char>(value >> 8);
    address[1] = static_cast<unsigned char>(value & 0xFF);
    return true;
}

/// Groups with colons between them, the last two perhaps as an IPv4 address. Returns how many groups there
/// are; -1 where it is something else, or they are more than `most`.
int read_groups(std::string_view text, unsigned char* address, int most) noexcept {
    int count = 0;
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const std::string_view group = text.substr(0, colon);
        const bool is_ipv4 = group.find('.') != std::string_view::npos;
        const int size = is_ipv4 ? 2 : 1;
        const bool is_last = colon == std::string_view::npos;
        if (count + size > most || (is_ipv4 && !is_last) ||
            !(is_ipv4 ? read_ipv4(group, address + 2 * count) : read_group(group, address + 2 * count)))
            return -1;
        count += size;
        if (is_last)
            break;
        text.remove_prefix(colon + 1);
        if (text.empty())
            return -1; // a colon at the end
    }
    return count;
}

bool read_ipv6(std::string_view text, unsigned char* address) noexcept {
    std::fill(address, address + 2 * group_count, static_cast<unsigned char>(0));
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos)
        return read_groups(text, address, group_count) == group_count;
    unsigned char tail[2 * group_count] = {};
    const std::string_view before = text.substr(0, gap);
    // The gap stands for one group at least.
    const int left = read_groups(before, address, group_count - 1);
    const int right = left < 0 ? -1 : read_groups(text.substr(gap + 2), tail, group_count - 1 - left);
    if (right < 0 || before.find('.') != std::string_view::npos)
        return false;
    std::memcpy(address + 2 * (group_count - right), tail, static_cast<std::size_t>(2 * right));
    return true;
}

/// Where the longest run of groups of zeros begins, of two at least; `length` is 0 where there is none.
struct Gap {
    int begin = 0;
    int length = 0;
};

Gap longest_gap(const unsigned char* address) noexcept {
    Gap longest;
    for (int begin = 0; begin < group_count; ++begin) {
        int end = begin;
        while (end < group_count && address[2 * end] == 0 && address[2 * end + 1] == 0)
            ++end;
        if (end - begin > std::max(longest.length, 1))
            longest = {begin, end - begin};
    }
    return longest;
}

/// In lower case, without leading zeros, the longest run of zeros left out.
NetworkText ipv6_text(const unsigned char* address) noexcept {
    NetworkText result = {};
    const Gap gap = longest_gap(address);
    char* end = result.text;
    for (int group = 0; group < group_count; ++group) {
        const bool is_in_gap = group >= gap.begin && group < gap.begin + gap.length;
        const bool follows_gap = gap.length > 0 && group == gap.begin + gap.length;
        if (is_in_gap && group == gap.begin)
            end += std::sprintf(end, "::");
        if (!is_in_gap)
            end += std::sprintf(end, group == 0 || follows_gap ? "%x" : ":%x",
                                address[2 * group] * 256U + address[2 * group + 1]);
    }
    return result;
}

NetworkText address_text(Family family, const unsigned char* address) noexcept {
    if (family == Family::ipv6)
        return ipv6_text(address);
    NetworkText result = {};
    std::snprintf(result.text, sizeof result.text, "%d.%d.%d.%d", address[0], address[1], address[2],
                  address[3]);
    return result;
}

} // namespace

ClientNetwork ClientNetwork::ipv4(const unsigned char* bytes, int bits) noexcept {
    return masked(bytes, ipv4_bits, Family::ipv4, bits);
}

ClientNetwork ClientNetwork::ipv6(const unsigned char* bytes, int bits) noexcept {
    if (bits >= mapped_bits && ClientHost::ipv6(bytes).family == Family::ipv4)
        return ipv4(bytes + mapped_bits / 8, bits - mapped_bits);
    return masked(bytes, ipv6_bits, Family::ipv6, bits);
}

bool ClientNetwork::contains(const ClientHost& client) const noexcept {
    if (is_any())
        return true;
    if (client.family != family)
        return false;
    const ClientNetwork own = masked(client.address, bits, family, bits);
    return std::memcmp(own.address, address, sizeof address) == 0;
}

bool ClientNetwork::operator==(const ClientNetwork& other) const noexcept {
    return family == other.family && bits == other.bits &&
           std::memcmp(address, other.address, sizeof address) == 0;
}

NetworkText network_text(const ClientNetwork& network) noexcept {
    if (network.is_any())
        return {};
    NetworkText result = address_text(network.family, network.address);
    const std::size_t length = std::strlen(result.text);
    std::snprintf(result.text + length, sizeof result.text - length, "/%d", network.bits);
    return result;
}

NetworkText host_text(const ClientHost& host) noexcept {
    if (host.family == Family::ipv4 || host.family == Family::ipv6)
        return address_text(host.family, host.address);
    if (host.family == Family::local)
        return {"local"};
    return {"unknown"};
}

bool read_network(std::string_view text, ClientNetwork& network) noexcept {
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string_view host = text.substr(0, slash);
    const bool is_ipv6 = host.find(':') != std::string_view::npos;
    unsigned char address[16] = {};
    std::int64_t bits = 0;
    if (!(is_ipv6 ? read_ipv6(host, address) : read_ipv4(host, address)) || slash == text.size() ||
        !read_number(text.substr(slash + 1), is_ipv6 ? ipv6_bits : ipv4_bits, bits))
        return false;
    const int length = is_ipv6 ? ipv6_bits : ipv4_bits;
    for (int bit = static_cast<int>(bits); bit < length; ++bit)
        if (has_bit(address, bit))
            return false;
    network = is_ipv6 ? ClientNetwork::ipv6(address, static_cast<int>(bits))
                      : ClientNetwork::ipv4(address, static_cast<int>(bits));
    return true;
}

} // namespace sessionctl::core
