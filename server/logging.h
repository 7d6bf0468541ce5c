// The process's log: one line an event, to standard error. As text for people, or as one JSON
// object a line, escaped. One thread, at start; SetLogLevel: any thread.
#pragma once

#include <string>

namespace baton::server {

void StartLogging(const std::string& level, const std::string& format, const std::string& node);
void SetLogLevel(const std::string& level);

}  // namespace baton::server
