// Command shop is the service of deploy/kubernetes/sidecar.yaml: it counts a session's visits in the state that the sidecar
// hands it.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("GET /visits", func(answer http.ResponseWriter, request *http.Request) {
		var state struct {
			Visits int `json:"visits"`
		}
		if told := request.Header.Get("X-Session-State"); told != "" {
			if err := json.Unmarshal([]byte(told), &state); err != nil {
				http.Error(answer, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		state.Visits++
		next, err := json.Marshal(state)
		if err != nil {
			http.Error(answer, err.Error(), http.StatusInternalServerError)
			return
		}
		answer.Header().Set("X-Session-Set", string(next))
		fmt.Fprintln(answer, state.Visits)
	})
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}
