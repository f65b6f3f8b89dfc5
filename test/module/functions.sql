-- The functions of the test module. The psql variable "module" is its path without the suffix.

CREATE SCHEMA sessionctl_test;

CREATE FUNCTION sessionctl_test.raise(kind text) RETURNS void AS :'module', 'sessionctl_test_raise' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.call_in_call() RETURNS void AS :'module', 'sessionctl_test_call_in_call' LANGUAGE C;
CREATE FUNCTION sessionctl_test.nest(depth integer) RETURNS void AS :'module', 'sessionctl_test_nest' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.raise_in_catch() RETURNS void AS :'module', 'sessionctl_test_raise_in_catch' LANGUAGE C;
CREATE FUNCTION sessionctl_test.survive(errors integer) RETURNS integer AS :'module', 'sessionctl_test_survive' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.destroyed() RETURNS integer AS :'module', 'sessionctl_test_destroyed' LANGUAGE C;

CREATE FUNCTION sessionctl_test.fail_held(how text) RETURNS void AS :'module', 'sessionctl_test_fail_held' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.holdoff() RETURNS text AS :'module', 'sessionctl_test_holdoff' LANGUAGE C;
CREATE FUNCTION sessionctl_test.stubborn(seconds integer) RETURNS void AS :'module', 'sessionctl_test_stubborn' LANGUAGE C STRICT;

CREATE FUNCTION sessionctl_test.deaf(file text) RETURNS void AS :'module', 'sessionctl_test_deaf' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.hold_lock(name text, file text) RETURNS void AS :'module', 'sessionctl_test_hold_lock' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.lock_up() RETURNS void AS :'module', 'sessionctl_test_lock_up' LANGUAGE C;

CREATE FUNCTION sessionctl_test.slow_log(milliseconds integer) RETURNS void AS :'module', 'sessionctl_test_slow_log' LANGUAGE C STRICT;

CREATE FUNCTION sessionctl_test.start_lock_deadline() RETURNS void AS :'module', 'sessionctl_test_start_lock_deadline' LANGUAGE C;

CREATE FUNCTION sessionctl_test.claim(how text) RETURNS void AS :'module', 'sessionctl_test_claim' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.claims() RETURNS text AS :'module', 'sessionctl_test_claims' LANGUAGE C;

CREATE FUNCTION sessionctl_test.throw_in(place text) RETURNS void AS :'module', 'sessionctl_test_throw_in' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.swallowed() RETURNS integer AS :'module', 'sessionctl_test_swallowed' LANGUAGE C;

CREATE FUNCTION sessionctl_test.best_method() RETURNS text AS :'module', 'sessionctl_test_best_method' LANGUAGE C;
CREATE FUNCTION sessionctl_test.signal(pid integer, signal integer, method text, starved boolean DEFAULT false) RETURNS text
AS :'module', 'sessionctl_test_signal' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.signal_reused(method text) RETURNS text AS :'module', 'sessionctl_test_signal_reused' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.close_socket(is_reused boolean) RETURNS text AS :'module', 'sessionctl_test_close_socket' LANGUAGE C STRICT;
CREATE FUNCTION sessionctl_test.descriptors() RETURNS integer AS :'module', 'sessionctl_test_descriptors' LANGUAGE C;

CREATE FUNCTION sessionctl_test.commit_fault(kind text) RETURNS void AS :'module', 'sessionctl_test_commit_fault' LANGUAGE C STRICT;
