#include "base/check.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace baton::check_internal {

Failure::Failure(const char* file, int line, const char* condition) {
  text_ << file << ":" << line << ": check failed: " << condition << " ";
}

Failure::~Failure() {
  const std::string text = text_.str();
  std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace baton::check_internal
