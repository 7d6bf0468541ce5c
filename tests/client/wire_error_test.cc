#include "client/wire_error.h"

#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

namespace baton::client {
namespace {

TEST(MakeError, CarriesWhatTheServerSaid) {
  v1::Error error;
  error.set_reason(v1::REASON_OVERLOADED);
  error.set_retry_after_ms(70);
  error.set_limit("queue_max=1");
  error.set_message("queue full");
  error.mutable_leader()->set_name("n2");
  error.mutable_leader()->set_address("h:2");
  error.mutable_position()->set_reign_round(3);
  error.mutable_position()->set_slot(17);
  error.set_durability(v1::DURABILITY_LOCAL);
  const absl::Status status = MakeError(8, error);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "queue full");
  const auto info = GetErrorInfo(status);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->reason, Reason::kOverloaded);
  EXPECT_EQ(info->retry_after_ms, 70u);
  EXPECT_EQ(info->limit, "queue_max=1");
  EXPECT_EQ(info->leader_name, "n2");
  EXPECT_EQ(info->leader_address, "h:2");
  EXPECT_EQ(info->position.reign, 3u);
  EXPECT_EQ(info->position.slot, 17u);
  EXPECT_EQ(info->durability, Durability::kLocal);
}

TEST(MakeError, AnUnknownCodeBecomesUnknown) {
  EXPECT_EQ(MakeError(12345, v1::Error()).code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(MakeError(-1, v1::Error()).code(), absl::StatusCode::kUnknown);
}

TEST(FromGrpc, ReadsTheDetailOfAUnaryCall) {
  v1::Error error;
  error.set_reason(v1::REASON_UNFORMED);
  v1::RpcStatus details;
  details.set_code(9);
  details.add_details()->PackFrom(error);
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::FAILED_PRECONDITION,
                                                    "not formed", details.SerializeAsString()));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "not formed");
  EXPECT_EQ(GetReason(status), Reason::kUnformed);
}

TEST(FromGrpc, DoesWithoutADetailOrWithGarbage) {
  for (const char* details : {"", "\xff\xff garbage"}) {
    const absl::Status status =
        FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "refused", details));
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(status.message(), "refused");
    EXPECT_EQ(GetReason(status), Reason::kUnspecified);
  }
}

TEST(GetErrorInfo, OtherStatusesHaveNone) {
  EXPECT_FALSE(GetErrorInfo(absl::OkStatus()));
  EXPECT_FALSE(GetErrorInfo(absl::UnavailableError("of somebody else")));
}

TEST(ReasonName, NamesWhatItKnows) {
  EXPECT_STREQ(ReasonName(Reason::kOutcomeUnknown), "OUTCOME_UNKNOWN");
  EXPECT_STREQ(ReasonName(Reason::kUnspecified), "UNSPECIFIED");
  EXPECT_STREQ(ReasonName(static_cast<Reason>(4711)), "UNSPECIFIED");
  for (int i = 0; i <= v1::Reason_MAX; ++i) {  // the public numbers are those of the wire
    EXPECT_EQ(std::string("REASON_") + ReasonName(static_cast<Reason>(i)),
              v1::Reason_Name(static_cast<v1::Reason>(i)));
  }
  EXPECT_EQ(static_cast<int>(Reason::kPolicyRefused), v1::Reason_MAX);
}

}  // namespace
}  // namespace baton::client
