package redisstore

import "github.com/redis/go-redis/v9"

// The state of a token is a hash: its version, which each change increments; the fence of the last Lock; and writer, the fence of the last change.

// fenceScript takes a new fence for the holder of the lock, and gives it with the version. It starts from the time, in microseconds, lest fences repeat
// after Redis was wiped.
//
// KEYS: token, state, lock. ARGV: the value of the lock; how long a state without a token is kept, in ms.
var fenceScript = redis.NewScript(`
if redis.call("GET", KEYS[3]) ~= ARGV[1] then return false end
local time = redis.call("TIME")
local last = tonumber(redis.call("HGET", KEYS[2], "fence") or 0)
local fence = string.format("%.0f", math.max(time[1] * 1000000 + time[2], last + 1))
redis.call("HSET", KEYS[2], "fence", fence)
if redis.call("EXISTS", KEYS[1]) == 0 then redis.call("PEXPIRE", KEYS[2], ARGV[2]) end
return {fence, redis.call("HGET", KEYS[2], "version") or "0"}
`)

// changeScript saves or deletes the token unless the fence is old, and gives 0 if it is. A holder whose change was applied without an answer may repeat it.
//
// KEYS: token, state. ARGV: the fence, empty without a lock; the version when it was locked; the data, empty to delete; the token's lifetime in ms, 0 without
// end; how much longer the state is kept, in ms; the channel; what to tell there.
var changeScript = redis.NewScript(`
local fence, version, data, ttl, keep = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if fence ~= "" then
  if redis.call("HGET", KEYS[2], "fence") ~= fence then return 0 end
  local now, writer = redis.call("HGET", KEYS[2], "version") or "0", redis.call("HGET", KEYS[2], "writer")
  if now ~= version and writer ~= fence then return 0 end
end
if data == "" then
  redis.call("DEL", KEYS[1])
elseif ttl > 0 then
  redis.call("SET", KEYS[1], data, "PX", ttl)
else
  redis.call("SET", KEYS[1], data)
end
redis.call("HINCRBY", KEYS[2], "version", 1)
redis.call("HSET", KEYS[2], "writer", fence)
if data == "" or ttl > 0 then
  redis.call("PEXPIRE", KEYS[2], ttl + keep)
else
  redis.call("PERSIST", KEYS[2])
end
redis.pcall("PUBLISH", ARGV[6], ARGV[7])
return 1
`)
