#include "tools/baton/audit_verifier.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace baton::cli {
namespace {

std::vector<AuditInfo> Chain(uint64_t lines) {
  std::vector<AuditInfo> chain;
  std::string previous(64, '0');
  for (uint64_t number = 1; number <= lines; ++number) {
    AuditInfo line;
    line.number = number;
    line.previous = previous;
    line.hash = "hash of " + std::to_string(number);
    previous = line.hash;
    chain.push_back(line);
  }
  return chain;
}

absl::Status Verify(const std::vector<AuditInfo>& chain, const std::string& head = "") {
  AuditVerifier verifier(head);
  for (const AuditInfo& line : chain) {
    if (absl::Status status = verifier.Take(line); !status.ok()) return status;
  }
  return verifier.End();
}

TEST(AuditVerifier, TakesLinesThatFollowEachOther) {
  EXPECT_TRUE(Verify({}).ok());
  EXPECT_TRUE(Verify(Chain(5)).ok());
  EXPECT_TRUE(Verify(Chain(5), "3:hash of 3").ok());
}

TEST(AuditVerifier, FindsALineThatWasChangedLeftOutOrPutIn) {
  std::vector<AuditInfo> changed = Chain(5);
  changed[2].hash = "another";  // that is what another content has
  EXPECT_NE(Verify(changed).message().find("line 3 of the audit is not"), std::string::npos);

  std::vector<AuditInfo> missing = Chain(5);
  missing.erase(missing.begin() + 1);
  EXPECT_NE(Verify(missing).message().find("line 2 of the audit is missing"), std::string::npos);
  std::vector<AuditInfo> renumbered = missing;
  for (size_t i = 0; i < renumbered.size(); ++i) renumbered[i].number = i + 1;
  EXPECT_FALSE(Verify(renumbered).ok());

  std::vector<AuditInfo> first = Chain(5);
  first.erase(first.begin());
  EXPECT_FALSE(Verify(first).ok());

  std::vector<AuditInfo> inserted = Chain(5);
  inserted.insert(inserted.begin() + 2, inserted[2]);
  inserted[2].hash = "another";
  EXPECT_FALSE(Verify(inserted).ok());
}

TEST(AuditVerifier, OnlyAHeadThatWasKeptFindsAChainThatWasMadeAnewOrCutShort) {
  std::vector<AuditInfo> anew = Chain(5);
  anew[4].hash = "another";
  EXPECT_TRUE(Verify(anew).ok()) << "nothing vouches for the newest line";
  EXPECT_FALSE(Verify(anew, "5:hash of 5").ok());
  EXPECT_TRUE(Verify(Chain(4)).ok());
  EXPECT_FALSE(Verify(Chain(4), "5:hash of 5").ok());
}

}  // namespace
}  // namespace baton::cli
