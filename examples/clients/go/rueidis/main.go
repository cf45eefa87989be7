// A Go client (rueidis) that goes on through failovers:
//
//	go run . [group] [host:port of one sentinel]
//
// Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/redis/rueidis"
)

func argument(i int, otherwise string) string {
	if len(os.Args) > i {
		return os.Args[i]
	}
	return otherwise
}

func main() {
	// A frozen primary neither answers nor closes its socket: these bound how long the client waits for it.
	dialer := net.Dialer{Timeout: 500 * time.Millisecond, KeepAlive: 200 * time.Millisecond}
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:      []string{argument(2, "127.0.0.1:26379")},
		Sentinel:         rueidis.SentinelOption{MasterSet: argument(1, "mymaster")},
		Dialer:           dialer,
		ConnWriteTimeout: 500 * time.Millisecond,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ctx := context.Background()
	for n := 0; ; n++ {
		for {
			set := client.B().Set().Key(fmt.Sprintf("example:%d", n)).Value(fmt.Sprint(n)).Build()
			err := client.Do(ctx, set).Error()
			if err == nil {
				break
			}
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Println(n)
	}
}
