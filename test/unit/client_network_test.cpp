#include "core/admission/client_network.hpp"
#include "support.hpp"

#include <random>

namespace sessionctl::test {

using core::ClientHost;
using core::ClientNetwork;

namespace {

ClientNetwork network_of(const char* text) {
    ClientNetwork network = ClientNetwork::any();
    EXPECT_TRUE(core::read_network(text, network)) << text;
    return network;
}

bool is_network(const char* text) {
    ClientNetwork network = ClientNetwork::any();
    const bool is_it = core::read_network(text, network);
    EXPECT_EQ(network.is_any(), !is_it) << text << " left the network as it was";
    return is_it;
}

/// An address is a network of its own.
ClientHost host_of(const char* address) {
    const bool is_ipv6 = std::string_view(address).find(':') != std::string_view::npos;
    const ClientNetwork network = network_of((std::string(address) + (is_ipv6 ? "/128" : "/32")).c_str());
    return network.family == ClientHost::Family::ipv4 ? ClientHost::ipv4(network.address)
                                                      : ClientHost::ipv6(network.address);
}

bool contains(const char* network, const char* address) {
    return network_of(network).contains(host_of(address));
}

std::string shown(const char* network) {
    return core::network_text(network_of(network)).text;
}

} // namespace

TEST(ClientNetwork, ContainsItsAddresses) {
    EXPECT_TRUE(contains("10.0.0.0/8", "10.0.0.0"));
    EXPECT_TRUE(contains("10.0.0.0/8", "10.255.255.255"));
    EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
    EXPECT_FALSE(contains("10.0.0.0/8", "9.255.255.255"));
    EXPECT_TRUE(contains("10.1.2.128/25", "10.1.2.200"));
    EXPECT_FALSE(contains("10.1.2.128/25", "10.1.2.127"));
    EXPECT_TRUE(contains("10.1.2.3/32", "10.1.2.3"));
    EXPECT_FALSE(contains("10.1.2.3/32", "10.1.2.2"));
    EXPECT_TRUE(contains("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(contains("2001:db8::/33", "2001:db8:8000::"));
    EXPECT_TRUE(contains("2001:db8::1/128", "2001:db8::1"));
    EXPECT_FALSE(contains("2001:db8::1/128", "2001:db8::2"));
}

TEST(ClientNetwork, ZeroBitsAreAllOfTheFamily) {
    EXPECT_TRUE(contains("0.0.0.0/0", "255.1.2.3"));
    EXPECT_TRUE(contains("::/0", "2001:db8::1"));
    EXPECT_FALSE(contains("::/0", "10.0.0.1")) << "of that family";
    EXPECT_FALSE(contains("0.0.0.0/0", "::1"));
}

TEST(ClientNetwork, NoLocalClientIsInANetwork) {
    for (const char* const network : {"0.0.0.0/0", "::/0", "127.0.0.1/32", "::1/128"}) {
        EXPECT_FALSE(network_of(network).contains(ClientHost::local())) << network;
        EXPECT_FALSE(network_of(network).contains(ClientHost{})) << network;
    }
    EXPECT_TRUE(ClientNetwork::any().contains(ClientHost::local()));
    EXPECT_TRUE(ClientNetwork::any().contains(ClientHost{}));
    EXPECT_TRUE(ClientNetwork::any().contains(host_of("10.0.0.1")));
}

TEST(ClientNetwork, MappedAddressesAreIpv4) {
    EXPECT_EQ(shown("::ffff:10.0.0.0/104"), "10.0.0.0/8");
    EXPECT_EQ(shown("::ffff:0:0/96"), "0.0.0.0/0");
    EXPECT_TRUE(contains("::ffff:10.0.0.0/104", "10.9.8.7"));
    EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.9.8.7"));
    const unsigned char mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    EXPECT_STREQ(core::network_text(ClientNetwork::ipv6(mapped, 95)).text, "::fffe:0:0/95") << "a wider one";
}

TEST(ClientNetwork, HasASpelling) {
    for (const char* const text :
         {"0.0.0.0/0", "10.0.0.0/8", "192.168.1.128/25", "255.255.255.255/32", "::/0", "::1/128",
          "2001:db8::/32", "1:2:3:4:5:6:7:8/128", "1:0:0:4::/64", "fe80::1:0:0:1/128", "1:2:3:4:5:6:7:0/112"})
        EXPECT_EQ(shown(text), text);
    EXPECT_EQ(shown("2001:0DB8:0:0:0:0:0:0/32"), "2001:db8::/32");
    EXPECT_EQ(shown("::10.0.0.1/128"), "::a00:1/128");
    EXPECT_EQ(shown("1::2:3:4:5:6:7/128"), "1:0:2:3:4:5:6:7/128") << "one group is not left out";
    EXPECT_STREQ(core::network_text(ClientNetwork::any()).text, "");
}

TEST(ClientNetwork, RefusesWhatIsNone) {
    for (const char* const text : {"",
                                   "/",
                                   "10.0.0.0",
                                   "10.0.0.0/",
                                   "10.0.0.0/33",
                                   "10.0.0.0/-1",
                                   "10.0.0.0/8 ",
                                   " 10.0.0.0/8",
                                   "10/8",
                                   "10.0.0/8",
                                   "10.0.0.0.0/8",
                                   "256.0.0.0/8",
                                   "10.0.0.1000/32",
                                   "10..0.0/8",
                                   "10.0.0.x/8",
                                   "a.0.0.0/8",
                                   "10.0.0.1/8",
                                   "::1/127",
                                   "::/129",
                                   ":/0",
                                   ":::/0",
                                   "1::2::3/128",
                                   "1:2:3:4:5:6:7/128",
                                   "1:2:3:4:5:6:7:8:9/128",
                                   "1:2:3:4:5:6:7:8::/128",
                                   "::1:2:3:4:5:6:7:8/128",
                                   "12345::/16",
                                   "g::/16",
                                   "1:/16",
                                   ":1/16",
                                   "1:2:3:4:5:6:7:/128",
                                   "10.0.0.0::/128",
                                   "::10.0.0.0:1/128",
                                   "::10.0.0/128",
                                   "1:2:3:4:5:6:7:10.0.0.1/128",
                                   "fe80::1%eth0/128"})
        EXPECT_FALSE(is_network(text)) << text;
}

TEST(ClientNetwork, IsMaskedWhereItComesFromBytes) {
    const unsigned char bytes[16] = {10, 1, 2, 3, 0xFF, 0xFF};
    EXPECT_STREQ(core::network_text(ClientNetwork::ipv4(bytes, 8)).text, "10.0.0.0/8");
    EXPECT_STREQ(core::network_text(ClientNetwork::ipv6(bytes, 20)).text, "a01::/20");
    EXPECT_TRUE(ClientNetwork::ipv4(bytes, 8) == network_of("10.0.0.0/8"));
    EXPECT_FALSE(ClientNetwork::ipv4(bytes, 8) == network_of("10.0.0.0/9"));
    EXPECT_FALSE(ClientNetwork::ipv4(bytes, 8) == network_of("11.0.0.0/8"));
    EXPECT_STREQ(core::network_text(ClientNetwork::ipv4(bytes, 99)).text, "10.1.2.3/32");
}

TEST(ClientNetwork, WhatIsWrittenIsReadAgain) {
    std::mt19937 random(21);
    for (int round = 0; round < 2000; ++round) {
        unsigned char bytes[16];
        for (unsigned char& byte : bytes) // many zeros
            byte = random() % 2 == 0 ? 0 : static_cast<unsigned char>(random());
        const bool is_ipv6 = random() % 2 == 0;
        const int bits = static_cast<int>(random() % (is_ipv6 ? 129 : 33));
        const ClientNetwork network =
            is_ipv6 ? ClientNetwork::ipv6(bytes, bits) : ClientNetwork::ipv4(bytes, bits);
        const core::NetworkText text = core::network_text(network);
        ASSERT_TRUE(network == network_of(text.text)) << text.text;
    }
}

TEST(ClientNetwork, HostsHaveASpellingToo) {
    EXPECT_STREQ(core::host_text(host_of("10.0.0.7")).text, "10.0.0.7");
    EXPECT_STREQ(core::host_text(host_of("2001:db8::1")).text, "2001:db8::1");
    EXPECT_STREQ(core::host_text(ClientHost::local()).text, "local");
    EXPECT_STREQ(core::host_text(ClientHost{}).text, "unknown");
}

} // namespace sessionctl::test
