package redisstore

import "github.com/redis/go-redis/v9"

// Each script is a rule of [leasestore.Record] on the hash KEYS[1]. Times are
// in ms, since 1970 by the clock of Redis or from now. A token with an end is
// none after expires.
const prelude = `
local key, time, day = KEYS[1], redis.call("TIME"), 86400000
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function get(field) return redis.call("HGET", key, field) or "" end
local function num(field) return tonumber(get(field)) or 0 end
local function set(...) redis.call("HSET", key, ...) end
local function text(number) return string.format("%.0f", number) end
local function hold(lease)
  if lease > 0 and now + lease > num("until") then set("until", text(now + lease)) end
end
local function gone() return num("expires") > 0 and num("expires") <= now end
`

var (
	// ARGV: the most bytes to return.
	loadScript = redis.NewScript(prelude + `
if gone() then return {"", 0} end
local token = get("token")
if #token > tonumber(ARGV[1]) then return redis.error_reply("TOOLARGE for a token") end
return {token, num("version")}
`)

	// ARGV: token, mark, answers, fence, version, hold, the token's TTL (0:
	// none), the channel and what to tell there.
	saveScript = redis.NewScript(prelude + `
local token, mark, answers, fence, ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[7])
if answers ~= "" then
  if get("mark") ~= answers and get("answered") ~= answers then return 0 end
else
  if fence ~= "0" then
    if get("fence") ~= fence or num("version") ~= tonumber(ARGV[5]) and get("writer") ~= fence then return 0 end
  end
  set("writer", fence)
end
set("token", token, "mark", mark, "answered", answers, "expires", ttl > 0 and text(now + ttl) or 0)
redis.call("HINCRBY", key, "version", 1)
hold(tonumber(ARGV[6]))
if token == "" or ttl > 0 then redis.call("PEXPIRE", key, text(ttl + day)) else redis.call("PERSIST", key) end
if mark == "" then redis.pcall("PUBLISH", ARGV[8], ARGV[9]) end
return 1
`)

	// ARGV: lease, notice.
	lockScript = redis.NewScript(prelude + `
local over, notice = num("until"), tonumber(ARGV[2])
if notice > 0 and over > 0 and over <= now and get("mark") ~= "" then
  over = now + notice
  set("until", text(over))
end
if over > now then return {0, 0, over - now} end
local fence = math.max(time[1] * 1000000 + time[2], num("fence") + 1)
set("fence", text(fence), "until", text(now + ARGV[1]))
if get("token") == "" or gone() then redis.call("PEXPIRE", key, text(ARGV[1] + day)) end
return {fence, num("version"), 0}
`)

	// ARGV: fence, lease.
	extendScript = redis.NewScript(prelude + `
if get("fence") ~= ARGV[1] then return 0 end
hold(tonumber(ARGV[2]))
return 1
`)

	// ARGV: fence.
	unlockScript = redis.NewScript(prelude + `
if get("fence") == ARGV[1] then set("fence", text(ARGV[1] + 1), "until", 0) end
return 1
`)
)
