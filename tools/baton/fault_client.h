// Asks a node that runs with --fault-injection to break something. docs/operations.md gives the
// protocol. Functions, any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace baton::cli {

// Sends one command to the socket at `path`. The faults then in force, each as the command that
// would bring it about. Errors: INVALID_ARGUMENT with the node's words when it refuses; UNAVAILABLE
// when nobody listens or it hangs up; DEADLINE_EXCEEDED when it does not answer in `timeout_us`.
absl::StatusOr<std::vector<std::string>> AskForFault(const std::string& path,
                                                     const std::string& command,
                                                     int64_t timeout_us);

}  // namespace baton::cli
