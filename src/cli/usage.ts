export const USAGE = `Usage: niceq serve --name NAME [--redis URL] [options] MODULE...

Commands:
  serve          run the tasks that callers on other machines send, see \`niceq serve --help\`

  -h, --help     show this
  -v, --version  show the version
`;

export const SERVE_USAGE = `Usage: niceq serve --name NAME [--redis URL] [options] MODULE...

Runs the tasks that callers of the same name send through Redis: those that the modules export, and nothing else.

  MODULE                 a file with tasks: ./dist/render.tasks.js, which callers know as render,
                         or KEY=FILE to give it another key, any text without / and =

      --name NAME        under which callers and servers find each other: any text without a colon
      --redis URL        redis://host:6379, or rediss:// for TLS; with user:password@ before the host.
                         Default: the environment variable REDIS_URL, which keeps the password off the list of processes
      --prefix TEXT      what all keys in Redis begin with (default: niceq)
      --threads N        how many threads run tasks, 0 to 1024 (default: one a core, 0 with --processes)
      --processes N      how many child processes run tasks, 0 to 1024 (default: 0)
      --concurrency N    how many tasks each of them interleaves, for tasks that await: 1 up (default: 1)
      --close-timeout MS after a signal to end, how long what runs may take before it is run elsewhere (default: no limit)
  -h, --help             show this

SIGTERM or SIGINT ends it in order: it takes no more tasks, and finishes those it runs. A second signal ends it at once.
It ends with 0 in order, with 2 for a wrong command line, and with 1 when it can't begin or go on.

Example: REDIS_URL=rediss://:secret@redis.example:6380 niceq serve --name render --threads 8 render=./dist/render.tasks.js
`;
