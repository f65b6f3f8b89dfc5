// What the caller is told of a plan.
#pragma once

#include "core/sessions/plan.hpp"

namespace sessionctl::core {

/// "matched 41: 38 ended, 2 spared (superuser), 1 denied"; empty where every match was counted.
string summary(const Plan& plan, Action action);

/// "include_superusers => true acts on superusers, too": the options without which sessions were
/// spared; empty where there is none.
string options_for_spared(const Plan& plan, Inclusion given, const char* argument_sign);

} // namespace sessionctl::core
