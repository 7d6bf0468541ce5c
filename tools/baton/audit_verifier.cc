#include "tools/baton/audit_verifier.h"

#include "absl/strings/str_cat.h"

namespace baton::cli {

absl::Status AuditVerifier::Take(const AuditInfo& line) {
  if (line.number != number_ + 1) {
    return absl::DataLossError(absl::StrCat("line ", number_ + 1, " of the audit is missing"));
  }
  if (line.previous != hash_) {
    return absl::DataLossError(absl::StrCat("line ", number_,
                                            " of the audit is not the one that line ", line.number,
                                            " was written after"));
  }
  number_ = line.number;
  hash_ = line.hash;
  found_ |= head() == kept_;
  return absl::OkStatus();
}

absl::Status AuditVerifier::End() const {
  if (kept_.empty() || found_) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("no line of the audit is ", kept_,
                                          ": it is another audit, or it was written anew"));
}

bool AuditVerifier::IsHead(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  const std::string_view number = text.substr(0, colon), hash = text.substr(colon + 1);
  return number.find_first_not_of("0123456789") == std::string_view::npos && hash.size() == 64 &&
         hash.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string AuditVerifier::head() const { return absl::StrCat(number_, ":", hash_); }

}  // namespace baton::cli
