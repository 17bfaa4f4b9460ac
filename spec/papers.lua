--- What the spec of TLS needs: certificates, made by the openssl program in a
-- directory that goes when they do.
local papers = {}

local function run(directory, script)
  local command = ("cd %s && {\n%s} >log 2>&1"):format(directory, script)
  assert(os.execute(command) == 0, script)
end

-- An authority, and by it: a server's certificate, one for another name, one
-- that has expired, a client's; and a certificate that is signed by itself.
local SCRIPT = [[
set -e
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 \
  "$@"; }
request() { openssl req -new -key key.pem -subj "/CN=$1" -out request.pem; }
sign() { openssl x509 -req -in request.pem -CA ca.pem -CAkey key.pem \
  -set_serial "$1" -days 2 -extfile "$2" -out "$3"; }
key -out key.pem
key -out other_key.pem
key -aes256 -pass pass:sesame -out locked_key.pem
openssl req -x509 -key key.pem -subj "/CN=Spec authority" -days 2 -out ca.pem
echo subjectAltName=DNS:localhost,IP:127.0.0.1 >localhost
echo subjectAltName=DNS:example.org >example
request server; sign 2 localhost server.pem
request other; sign 3 example other.pem
request ann; sign 4 example client.pem
openssl req -x509 -key key.pem -subj /CN=self -days 2 -out self.pem \
  -addext subjectAltName=DNS:localhost
cat server.pem key.pem >both.pem
openssl req -x509 -key locked_key.pem -passin pass:sesame -subj /CN=locked \
  -days 2 -out locked.pem
touch index; echo 05 >serial
printf '%s\n' '[ca]' 'default_ca=c' '[c]' 'new_certs_dir=.' 'database=index' \
  'serial=serial' 'policy=p' 'default_md=sha256' 'x509_extensions=e' '[p]' \
  'commonName=supplied' '[e]' 'subjectAltName=DNS:localhost' >ca.conf
request expired
openssl ca -batch -config ca.conf -notext -cert ca.pem -keyfile key.pem \
  -in request.pem -out expired.pem -startdate 20200101000000Z \
  -enddate 20200102000000Z
]]

--- Makes them.
function papers.make()
  local directory = os.tmpname()
  os.remove(directory)
  assert(os.execute("mkdir -m 700 " .. directory) == 0)
  run(directory, SCRIPT)
  papers.directory = directory
end

--- The path of one of the files above.
function papers.path(name) return papers.directory .. "/" .. name end

--- Its text.
function papers.read(name)
  local file = assert(io.open(papers.path(name)))
  local text = file:read "*a"
  file:close()
  return text
end

--- Removes them.
function papers.remove() os.execute("rm -r " .. papers.directory) end

return papers
