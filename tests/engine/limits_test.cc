#include "engine/state/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace baton::engine {
namespace {

using ::testing::HasSubstr;

WriteRequest Of(WriteOp op) { return WriteRequest{kDefaultKeyspace, {std::move(op)}}; }

void ExpectRefused(const std::optional<Refusal>& refusal, const std::string& text,
                   const std::string& limit) {
  ASSERT_TRUE(refusal.has_value()) << text;
  EXPECT_TRUE(absl::IsInvalidArgument(refusal->status));
  EXPECT_THAT(std::string(refusal->status.message()), HasSubstr(text));
  EXPECT_EQ(refusal->limit, limit);
}

TEST(Limits, AcceptWhatIsAtThem) {
  EXPECT_FALSE(
      Validate(Of(PutOp{std::string(kKeyBytesMax, 'k'), std::string(kValueBytesMax, 'v')})));
  EXPECT_FALSE(Validate(Of(PutOp{"k", ""})));
  EXPECT_FALSE(Validate(Of(DeleteRangeOp{"", "", false})));
  EXPECT_FALSE(Validate(Of(DeleteRangeOp{"a", "a", false})));
  EXPECT_FALSE(Validate(WriteRequest{kDefaultKeyspace, std::vector<WriteOp>(1024, DeleteOp{"k"})}));
  EXPECT_FALSE(Validate(ScanSpec{}));
  EXPECT_FALSE(ValidateKeys(std::vector<std::string>{"a", "b"}));
}

TEST(Limits, RefuseAndSayWhatToChange) {
  const std::string long_key(kKeyBytesMax + 1, 'k');
  ExpectRefused(Validate(Of(PutOp{"", "v"})), "the key is empty", "");
  ExpectRefused(Validate(Of(DeleteOp{""})), "the key is empty", "");
  ExpectRefused(Validate(Of(PutOp{long_key, "v"})), "use a shorter key", "key_bytes_max=4096");
  ExpectRefused(Validate(Of(DeleteRangeOp{long_key + "k", "", false})), "use a shorter key",
                "key_bytes_max=4096");
  ExpectRefused(Validate(Of(PutOp{"k", std::string(kValueBytesMax + 1, 'v')})),
                "a value of 1048577 bytes is over the limit of 1048576 bytes: split it",
                "value_bytes_max=1048576");
  ExpectRefused(Validate(Of(DeleteRangeOp{"b", "a", false})), "swap begin and end", "");
  ExpectRefused(Validate(WriteRequest{}), "no operation", "");
  ExpectRefused(Validate(WriteRequest{kSystemKeyspace, {PutOp{"k", "v"}}}), "system keyspace", "");
  ExpectRefused(Validate(WriteRequest{kDefaultKeyspace, std::vector<WriteOp>(1025, DeleteOp{"k"})}),
                "1025 operations", "request_ops_max=1024");
  const PutOp large{"k", std::string(kValueBytesMax, 'v')};
  ExpectRefused(Validate(WriteRequest{kDefaultKeyspace, std::vector<WriteOp>(9, large)}),
                "split it into several requests", "request_bytes_max=8388608");
  ScanSpec scan;
  scan.begin = "b";
  scan.end = "a";
  ExpectRefused(Validate(scan), "swap begin and end", "");
  ExpectRefused(ValidateKeys({}), "names no key", "");
  ExpectRefused(ValidateKeys(std::vector<std::string>{"a", ""}), "the key is empty", "");
  ExpectRefused(ValidateKeys(std::vector<std::string>(1025, "k")), "1025 keys",
                "request_ops_max=1024");
}

}  // namespace
}  // namespace baton::engine
