# SPDX-License-Identifier: BSD-2-Clause
# What the Ruby services share: a thread for each client connection, which answers its requests with the block.
require 'socket'

REDIS_PORT = Integer(ENV.fetch('REDIS_PORT'))

def serve_client(client, answer)
  while (line = client.gets)
    path = line.split[1]
    keep = true
    while (header = client.gets) && header != "\r\n"
      keep = false if header.downcase.start_with?('connection: close')
    end
    body = answer.call(path).to_s
    client.write("HTTP/1.1 200 OK\r\nContent-Length: #{body.bytesize}\r\n#{keep ? '' : "Connection: close\r\n"}\r\n#{body}")
    break unless keep
  end
ensure
  client.close
end

def serve(&answer)
  server = TCPServer.new('127.0.0.1', Integer(ENV.fetch('PORT')))
  loop { Thread.new(server.accept) { |client| serve_client(client, answer) } }
end
