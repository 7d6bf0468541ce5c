// Context: what all commands share: the global flags and where output goes.
//
// Made by main before any command runs; read by one thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/admin.h"
#include "baton/client.h"
#include "tools/baton/bytes.h"
#include "tools/baton/table.h"

namespace CLI {
class App;
}

namespace baton::cli {

inline constexpr char kDefaultEndpoints[] = "127.0.0.1:7400,127.0.0.1:7401,127.0.0.1:7402";

struct Context {
  // Flags, as typed.
  std::string endpoints_flag;  // empty: $BATON_ENDPOINTS, else kDefaultEndpoints
  std::string output_flag = "table";
  std::string timeout_flag;  // empty: the command's own

  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool coloured = false;  // standard output

  // The command that was chosen. Its status becomes the message and the exit code.
  std::function<absl::Status()> command;

  bool json() const { return output_flag == "json"; }
  bool endpoints_given() const;
  absl::StatusOr<std::vector<std::string>> Endpoints() const;
  absl::StatusOr<std::chrono::milliseconds> Timeout(std::chrono::milliseconds otherwise) const;
  // For what is asked on behalf of whoever types.
  absl::StatusOr<CallOptions> Options(std::chrono::milliseconds otherwise) const;
  absl::StatusOr<std::unique_ptr<Client>> Connect() const;
  absl::StatusOr<std::unique_ptr<Admin>> ConnectAdmin() const;

  // To standard output. An object is one line.
  absl::Status Print(const Json& object) const;
  absl::Status Print(const Table& table) const;
  absl::Status Print(const std::string& text) const;
  // A line for people, to standard error.
  void Say(const std::string& message) const;
};

inline constexpr std::chrono::milliseconds kCallTimeout{5000};

// On whose behalf a change is asked for: $USER.
std::string Actor();

// A command of `app` that takes --keyspace into `*keyspace`, which must live as long as `app`.
CLI::App* AddCommandInKeyspace(CLI::App* app, const char* name, const char* what,
                               std::string* keyspace);

// Each adds its commands to `app`; the one that is parsed sets context->command.
void AddDataCommands(CLI::App* app, Context* context);      // put get delete increment append scan
void AddOutcomeCommand(CLI::App* app, Context* context);    // outcome
void AddKeyspaceCommands(CLI::App* app, Context* context);  // keyspace
void AddLossCommands(CLI::App* app, Context* context);      // loss
void AddTransferCommands(CLI::App* app, Context* context);  // import export
void AddClusterCommands(CLI::App* app, Context* context);   // cluster status version
void AddMemberCommands(CLI::App* app, Context* context);    // member
void AddHandoverCommands(CLI::App* app, Context* context);  // handover approve
void AddElectionCommands(CLI::App* app, Context* context);  // election why-leader
void AddOrderCommands(CLI::App* app, Context* context);     // bar unbar prefer freeze orders
void AddPolicyCommands(CLI::App* app, Context* context);    // policy
void AddRecoverCommand(CLI::App* app, Context* context);    // recover
void AddAuditCommands(CLI::App* app, Context* context);     // audit
void AddLocalCommands(CLI::App* app, Context* context);     // local
void AddFaultCommand(CLI::App* local, Context* context);    // local fault
void AddRollCommand(CLI::App* local, Context* context);     // local roll
void AddDrillCommands(CLI::App* app, Context* context);     // drill
void AddWalCommands(CLI::App* app, Context* context);       // wal

}  // namespace baton::cli
