// SPDX-License-Identifier: MIT
// The main function of every test executable, compiled once.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
/// What LeakSanitizer need not tell: the C library keeps the folder of its locales, and a pool
/// leaves threads alone that it cannot end.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:argz_add_sep\nleak:ThreadPool::stop\n";
}
#endif
#endif
