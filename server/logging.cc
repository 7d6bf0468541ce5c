#include "server/logging.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace baton::server {
namespace {

class JsonFormatter final : public spdlog::formatter {
 public:
  explicit JsonFormatter(std::string node) : node_(std::move(node)) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& to) override {
    const auto since_epoch = message.time.time_since_epoch();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
    const time_t seconds = static_cast<time_t>(micros / 1'000'000);
    tm parts{};
    gmtime_r(&seconds, &parts);
    char time[40];
    const size_t n = strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(time + n, sizeof time - n, ".%06dZ", static_cast<int>(micros % 1'000'000));
    const nlohmann::ordered_json line = {
        {"time", time},
        {"level", std::string(spdlog::level::to_string_view(message.level).data(),
                              spdlog::level::to_string_view(message.level).size())},
        {"node", node_},
        {"thread", message.thread_id},
        {"message", std::string(message.payload.data(), message.payload.size())}};
    // Bytes that are no UTF-8 become U+FFFD: a log line is always valid JSON.
    const std::string text =
        line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    to.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonFormatter>(node_);
  }

 private:
  const std::string node_;
};

// What gRPC and protobuf would write to standard error by themselves. What matters of it is in the
// status of the call that failed, and logged by whoever made it; the rest is for clients to fill
// logs with.
void LogOfGrpc(gpr_log_func_args* from) {
  spdlog::debug("gRPC: {} ({}:{})", from->message, from->file, from->line);
}
void LogOfProtobuf(google::protobuf::LogLevel, const char* file, int line,
                   const std::string& message) {
  spdlog::debug("protobuf: {} ({}:{})", message, file, line);
}

}  // namespace

void StartLogging(const std::string& level, const std::string& format, const std::string& node) {
  auto logger =
      std::make_shared<spdlog::logger>("batond", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (format == "json") {
    logger->set_formatter(std::make_unique<JsonFormatter>(node));
  } else {
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-5l%$ [" + node + "] %v");
  }
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(LogOfGrpc);
  google::protobuf::SetLogHandler(LogOfProtobuf);
  SetLogLevel(level);
}

void SetLogLevel(const std::string& level) { spdlog::set_level(spdlog::level::from_str(level)); }

}  // namespace baton::server
