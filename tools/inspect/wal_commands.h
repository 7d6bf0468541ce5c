// The commands of baton-inspect that read a log. They change nothing on disk and may run beside the
// node that owns the log.
//
// `directory` is a log's directory, or a data directory that has one as wal/. Each returns the
// process's exit code: 0 done, 1 the log is damaged or cannot be read, 3 there is no log.
#pragma once

#include <ostream>
#include <string>

namespace baton::inspect {

struct Output {
  std::ostream* to;
  std::ostream* errors;
  bool json = false;  // one object a line
};

// Every frame, then how the log ends.
int DumpWal(const std::string& directory, const Output& output);

// How the log ends: ok, a torn tail, or a fault.
int VerifyWal(const std::string& directory, const Output& output);

}  // namespace baton::inspect
