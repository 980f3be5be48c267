package pgstore

// Poll is the statement that asks for news.
var Poll = statementsFor(Config{Schema: "public"}).poll
