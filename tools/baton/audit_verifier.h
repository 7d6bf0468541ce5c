// AuditVerifier: whether the lines of an audit follow each other: each by its number, and by the
// hash of the one before. A value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "baton/admin.h"

namespace baton::cli {

class AuditVerifier {
 public:
  // May be a head: NUMBER:HASH.
  static bool IsHead(std::string_view text);

  // `head`: that was kept elsewhere, which also finds an audit that was made anew. Empty: none was.
  explicit AuditVerifier(std::string head) : kept_(std::move(head)) {}

  // The next line. DATA_LOSS says which line is not as it was written.
  absl::Status Take(const AuditInfo& line);
  // There is no more. DATA_LOSS: none of the lines is the head that was kept.
  absl::Status End() const;

  uint64_t lines() const { return number_; }
  std::string head() const;  // of the last line: to be kept elsewhere

 private:
  const std::string kept_;
  bool found_ = false;
  uint64_t number_ = 0;
  std::string hash_ = std::string(64, '0');
};

}  // namespace baton::cli
