// SPDX-License-Identifier: MIT
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>

#include <octavo/base/check.hpp>
#include <octavo/files/file_descriptor.hpp>

/// Answers every request on a free port of this machine with `body`, of which it says that it has
/// `told` bytes, and closes the connection; until it is destroyed.
class HttpServer {
 public:
  HttpServer(const std::string& body, std::size_t told)
      : answer_("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(told) +
                "\r\n\r\n" + body),
        listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    octavo::require(::bind(listening_.get(), generic, size) == 0 &&
                        ::listen(listening_.get(), 8) == 0 &&
                        ::getsockname(listening_.get(), generic, &size) == 0,
                    "no server can be started on this machine");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer() {
    ::shutdown(listening_.get(), SHUT_RDWR);  // ends accept
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/text"; }

 private:
  using Descriptor = octavo::detail::FileDescriptor;

  void serve() const {
    while (const Descriptor peer{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)}) {
      std::string request;
      char piece[1024];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = ::recv(peer.get(), piece, sizeof(piece), 0);
        if (count <= 0) break;
        request.append(piece, static_cast<std::size_t>(count));
      }
      std::size_t sent = 0;
      while (sent < answer_.size()) {
        const ssize_t count =
            ::send(peer.get(), answer_.data() + sent, answer_.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<std::size_t>(count);
      }
      ::shutdown(peer.get(), SHUT_WR);
    }
  }

  std::string answer_;
  Descriptor listening_;
  int port_ = 0;
  std::thread thread_;
};
