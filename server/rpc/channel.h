// How this server's sockets behave, on both sides: limits, keepalive, how fast a lost peer is
// dialled again. Functions, any thread.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>

namespace baton::server {

inline constexpr int kMessageBytesMax = 16 << 20;  // one gRPC message, either way

// A channel of its own connection to another node.
std::shared_ptr<grpc::Channel> ConnectToNode(const std::string& address);

// Limits, keepalive and socket options of a listener.
void ConfigureListener(grpc::ServerBuilder* builder);

}  // namespace baton::server
