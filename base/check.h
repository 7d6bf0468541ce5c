// BATON_CHECK: a broken invariant stops the process, in release builds too.
//
//   BATON_CHECK(commit <= last) << "commit " << commit.value;
//
// The streamed text is evaluated only on failure. Use it for what our own code promises; what the
// outside world sends is refused with an absl::Status instead. Any thread.
#pragma once

#include <sstream>

namespace baton::check_internal {

// Collects the message of a failed check and aborts the process when it goes out of scope.
class Failure {
 public:
  Failure(const char* file, int line, const char* condition);
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;
  [[noreturn]] ~Failure();

  template <class T>
  Failure& operator<<(const T& value) {
    text_ << value;
    return *this;
  }

 private:
  std::ostringstream text_;
};

// Gives both arms of the macro's conditional the type void.
struct Voidify {
  void operator&(const Failure&) const {}
};

}  // namespace baton::check_internal

#define BATON_CHECK(condition)               \
  (__builtin_expect(!!(condition), 1))       \
      ? (void)0                              \
      : ::baton::check_internal::Voidify() & \
            ::baton::check_internal::Failure(__FILE__, __LINE__, #condition)
