// A Go client (go-redis) that goes on through failovers:
//
//	go run . [group] [host:port of one sentinel]
//
// Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

func argument(i int, otherwise string) string {
	if len(os.Args) > i {
		return os.Args[i]
	}
	return otherwise
}

func main() {
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName:    argument(1, "mymaster"),
		SentinelAddrs: []string{argument(2, "127.0.0.1:26379")},
		// Many attempts, soon: the new primary is there in tens of milliseconds.
		MaxRetries:      100,
		MinRetryBackoff: 5 * time.Millisecond,
		MaxRetryBackoff: 20 * time.Millisecond,
		// A frozen primary neither answers nor closes its socket. Longer than your slowest command.
		ReadTimeout: 500 * time.Millisecond,
	})
	ctx := context.Background()
	for n := 0; ; n++ {
		for {
			err := client.Set(ctx, fmt.Sprintf("example:%d", n), n, 0).Err()
			if err == nil {
				break
			}
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Println(n)
	}
}
