#!/usr/bin/env bash
# Boots a Debian 12 container with systemd, installs the package by the words of docs/operations.md, and drives the service as an
# operator would: tests/systemd/boot.sh PACKAGE.deb
#
# Needs root, systemd-nspawn and debootstrap. Everything is made in a temporary directory, and gone afterwards, however
# it ends. BOOT_DEBIAN=FOLDER takes the fresh Debian from there, and puts it there the first time: for whoever runs
# this often.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
operations=$here/../../docs/operations.md
package=$(realpath "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/versync-boot.XXXXXX")
root=$work/root

# shellcheck source=tests/systemd/container.sh
. "$here/container.sh"
trap 'container_end; rm -rf --one-file-system "$work"' EXIT
trap 'exit 1' INT TERM HUP

API=http://127.0.0.1:7357/api/v2/o/01J0ACME000000000000000000
STOREFRONT=01J0PR0JECTST0REFR0NT00000
PRODUCTION=01J0ENVPR0D000000000000000
SETTINGS=/etc/versync/versync.toml

passed=0

# One step: a function that fails where something is not as it should be.
step() {
    local what=$1 began=$SECONDS code=0
    shift
    set +e
    (set -e; "$@") >"$work/said" 2>&1
    code=$?
    set -e
    if [ $code -eq 0 ]; then
        printf '  ok    %s (%s s)\n' "$what" $((SECONDS - began))
        passed=$((passed + 1))
        return
    fi
    printf '  FAIL  %s\n' "$what"
    uniq "$work/said" | tail -n 40 | sed 's/^/        /'
    echo "        What the journal says:"
    inside journalctl --no-pager --lines=60 --output=short-precise | sed 's/^/        /' || true
    exit 1
}

# Says what is missing, and fails.
no() {
    echo "not so: $*"
    return 1
}

contains() {
    [[ $1 == *"$2"* ]] || no "\"$2\" in: $1"
}

# Lets go of the count of starts: five within five minutes are enough for anybody but a test.
start_counting_anew() {
    inside systemctl reset-failed versync.service
}

# A property of a unit, as systemd knows it.
property() {
    inside systemctl show --property="$1" --value "${2-versync.service}"
}

is() {
    local now
    now=$(property "$1" "${3-versync.service}")
    [ "$now" = "$2" ] || no "$1 is $2, but $now"
}

journal_says() {
    inside journalctl --no-pager --output=cat --unit="${2-versync.service}" | grep -F -- "$1" >/dev/null
}

status_says() {
    [[ $(property StatusText "${2-versync.service}") == *"$1"* ]]
}

# The connection templates of the production environment, as the sandbox has them.
templates() {
    inside curl --silent --fail --max-time 10 -H 'Authorization: Bearer sandbox' \
        "$API/projects/$STOREFRONT/connection-templates?env_id=$PRODUCTION"
}

shop_is_dynamic() {
    templates | grep -E "\"name\":\"shop\"[^{}]*\"dynamic\":$1|\"dynamic\":$1[^{}]*\"name\":\"shop\"" >/dev/null
}

is_there() {
    templates | grep -F "\"name\":\"$1\"" >/dev/null
}

edit() {
    local expression=$1 file=$2
    inside sed -i "$expression" "$file"
}

# The commands of the block in docs/operations.md that begins so, run as they stand. What a person does by hand is done by
# functions of that name.
by_the_document() {
    local first=$1 substitute=$2 block
    block=$(awk -v first="$first" '
        /^```sh$/ { block = ""; open = 1; next }
        /^```$/ { if (open && index(block, first) == 1) printf "%s", block; open = 0 }
        open { block = block $0 "\n" }' "$operations")
    [ -n "$block" ] || no "a block in docs/operations.md that begins with $first"
    # shellcheck disable=SC2016 # for the shell in the container
    inside bash -euc 'cd /root
        sudo() { if [ "$1" = -u ]; then runuser -u "$2" -- "${@:3}"; else env "$@"; fi; }
        sudoedit() { sed -i "s|^# organisation = .*|organisation = \"01J0ACME000000000000000000\"\nbase_url = \"http://127.0.0.1:7357/api\"|" "$@"; }
        '"$(sed "$substitute" <<<"$block")"
}

# ---------------------------------------------------------------------------------------------------------------------

install_it() {
    cp "$package" "$root/root/"
    inside apt-get install --yes --no-install-recommends "/root/${package##*/}"
    [ "$(inside systemctl is-enabled versync || true)" = disabled ] || no "installed, and left disabled"
    is ActiveState inactive
    inside test -s /usr/share/man/man1/versync-plan.1.gz
    inside bash -c '. /usr/share/bash-completion/completions/versync; complete -p versync'
    contains "$(inside versync --version)" "versync "
}

name_what_is_missing() {
    if inside systemctl start versync; then no "a start without settings fails"; fi
    awaits 10 journal_says "api.organisation is not set"
    inside cp $SETTINGS /root/as-installed.toml
    edit 's/^# organisation = .*/organisation = "01J0ACME000000000000000000"/' $SETTINGS
    if inside systemctl restart versync; then no "a start without a token fails"; fi
    awaits 10 journal_says "the secret file /run/credentials/versync.service/versync-token is empty"
    inside systemctl stop versync
    inside mv /root/as-installed.toml $SETTINGS
}

serve_the_sandbox() {
    inside systemd-run --quiet --unit=sandbox --property=DynamicUser=yes /usr/bin/versync sandbox
    awaits 20 templates
    if is_there shop; then no "a world without the shop"; fi
}

set_it_up_by_the_document() {
    # What a person would have in the folder by then.
    inside cp -r /usr/share/doc/versync/examples/quickstart /etc/versync/manifests
    by_the_document "sudo apt install ./versync_" "s|\./versync_[^ ]*|--yes --reinstall ./${package##*/}|" <<<sandbox
    is ActiveState active
    is Type notify
    [ "$(inside stat --format='%a %U' /etc/versync/token)" = "600 root" ] || no "a token that only root reads"
}

run_as_a_user_of_its_own() {
    awaits 30 shop_is_dynamic true
    local process user
    process=$(property MainPID)
    user=$(inside stat --format=%u "/proc/$process")
    ((61184 <= user && user <= 65519)) || no "a dynamic user: $user"
    # Only systemd can have handed the token to it: it cannot read the file.
    if inside setpriv --reuid="$user" --clear-groups cat /etc/versync/token; then no "a token that is out of its reach"; fi
    inside bash -c "! grep -qz sandbox /proc/$process/environ /proc/$process/cmdline" || no "a token in no variable"
}

stay_in_its_sandbox() {
    local said
    said=$(inside systemd-analyze security versync.service --no-pager | tail -n 1)
    awk '{ for (i = 1; i < NF; i++) if ($i == "versync.service:") exit !($(i + 1) <= 1.5); exit 1 }' <<<"$said" || no "1.5 or less: $said"
    inside systemd-analyze verify --man=no versync.service versync@one.service
}

say_how_it_is() {
    awaits 30 status_says "in sync: 6 resources, checked "
    contains "$(inside systemctl status versync)" 'Status: "in sync: 6 resources, checked '
    contains "$(inside versync status)" "run"
    contains "$(inside versync history)" "connection_template.storefront/production/shop"
    contains "$(by_the_document "sudo CREDENTIALS_DIRECTORY=" "")" "connection_template.storefront/production/shop is in sync"
}

apply_an_edit() {
    edit 's/dynamic = true/dynamic = false/' /etc/versync/manifests/shop.toml
    awaits 30 shop_is_dynamic false
}

reload_good_settings() {
    edit 's/^# \[sync\]/[sync]\non_drift = "report"/' $SETTINGS
    inside systemctl reload versync
    awaits 30 journal_says "the settings have changed, and count from now on"
    is ActiveState active
    is NRestarts 0
}

reload_bad_settings() {
    local line
    inside cp $SETTINGS /root/good.toml
    edit '/^on_drift/s/$/\nprnue = true/' $SETTINGS
    line=$(inside grep -n prnue $SETTINGS | cut -d: -f1)
    inside systemctl reload versync
    awaits 30 journal_says "the settings cannot be used, so the ones from before still count: $SETTINGS:$line:1: "
    is ActiveState active
    edit 's/dynamic = false/dynamic = true/' /etc/versync/manifests/shop.toml
    awaits 30 shop_is_dynamic true
    inside cp /root/good.toml $SETTINGS
    inside systemctl reload versync
    awaits 10 is ActiveState active
}

replace_a_token() {
    inside dd of=/etc/versync/token status=none <<<refused
    start_counting_anew
    inside systemctl restart versync
    awaits 30 journal_says "the platform does not accept the token from { credential = \"versync-token\" }"
    by_the_document "sudo install -m 600 /dev/stdin /etc/versync/token " "" <<<sandbox
    awaits 30 status_says "in sync: 6 resources, checked "
}

bring_back_a_loop_that_hangs() {
    local drop_in=/etc/systemd/system/versync.service.d/rehearsal.conf
    inside mkdir -p "${drop_in%/*}"
    printf '[Service]\nWatchdogSec=3s\nRestartSec=100ms\nEnvironment=VERSYNC_FAULT=hang-on-reload\n' |
        inside dd of=$drop_in status=none
    inside systemctl daemon-reload
    start_counting_anew
    inside systemctl restart versync
    # A watchdog that is fed does not bite.
    sleep 4
    is NRestarts 0
    inside systemctl reload --no-block versync
    awaits 30 is NRestarts 1
    awaits 30 is ActiveState active
    awaits 10 journal_says "Watchdog timeout (limit 3s)!"
    edit 's/dynamic = true/dynamic = false/' /etc/versync/manifests/shop.toml
    awaits 30 shop_is_dynamic false
    inside rm -r "${drop_in%/*}"
    inside systemctl daemon-reload
    inside systemctl restart versync
    is WatchdogUSec 10min
}

come_back_after_a_kill() {
    local before
    start_counting_anew
    before=$(property NRestarts)
    inside systemctl kill --signal=KILL versync
    awaits 30 is NRestarts $((before + 1))
    awaits 30 is ActiveState active
    edit 's/dynamic = false/dynamic = true/' /etc/versync/manifests/shop.toml
    awaits 30 shop_is_dynamic true
}

# Whatever changed on the disk since the service was installed, and is neither its own, nor systemd's, nor ours.
write_nowhere_else() {
    local found
    found=$(inside find / -xdev -newer /marker ! -type d \
        ! -path '/var/lib/private/versync/*' ! -path '/var/log/private/versync/*' \
        ! -path /var/lib/versync ! -path /var/log/versync \
        ! -path '/var/log/journal/*' ! -path '/var/lib/systemd/*' ! -path '/etc/versync/*' ! -path /root/good.toml \
        ! -path '/etc/systemd/system/*' ! -path '/var/lib/dpkg/*' ! -path '/var/lib/apt/*' ! -path '/var/cache/*' \
        ! -path '/var/log/dpkg.log' ! -path '/var/log/apt/*' ! -path '/var/log/wtmp' ! -path '/var/log/lastlog')
    [ -z "$found" ] || no "nothing else: $found"
    found=$(inside find / -xdev -uid "$(inside stat --format=%u /var/lib/private/versync)" \
        ! -path '/var/lib/private/versync*' ! -path '/var/log/private/versync*')
    [ -z "$found" ] || no "nothing of its user's elsewhere: $found"
}

stop_at_once() {
    local began=$SECONDS
    inside systemctl stop versync
    [ $((SECONDS - began)) -le 3 ] || no "within three seconds: $((SECONDS - began))"
    is Result success
    is ExecMainStatus 0
    is ActiveState inactive
    awaits 10 journal_says "versync has stopped"
}

run_a_second_one() {
    inside bash -euc "sed -e 's|/var/lib/versync|/var/lib/versync@acme|; s|/etc/versync/manifests|/etc/versync/acme|' $SETTINGS >/etc/versync/acme.toml
        cp /etc/versync/token /etc/versync/acme.token
        mkdir /etc/versync/acme
        sed 's/templates.shop/templates.second/' /etc/versync/manifests/shop.toml >/etc/versync/acme/shop.toml"
    inside systemctl enable --now versync@acme
    inside systemctl start versync
    awaits 30 is_there second
    start_counting_anew
    inside systemctl restart versync
    inside systemctl restart versync@acme
    awaits 30 is ActiveState active versync@acme.service
    awaits 30 is ActiveState active
    awaits 30 status_says "in sync: " versync@acme.service
    contains "$(inside versync status --config /etc/versync/acme.toml)" "run"
}

# The folder comes from a clone that a timer pulls; the service finds the commit that it is at.
follow_a_clone() {
    local tip
    inside bash -euc 'cd /root
        git config --global user.name somebody && git config --global user.email somebody@versync.invalid
        git init --quiet --initial-branch=main work && cp /etc/versync/manifests/* work/
        git -C work add . && git -C work commit --quiet -m first
        git clone --quiet --bare work /srv/origin/manifests.git
        git -C work remote add origin /srv/origin/manifests.git && git -C work push --quiet --set-upstream origin main'
    inside systemd-run --quiet --unit=git-daemon git daemon --export-all --reuseaddr --listen=127.0.0.1 --base-path=/srv/origin
    awaits 20 inside git ls-remote --quiet git://127.0.0.1/manifests.git
    by_the_document "sudo useradd " "s|https://git.example.com/manifests.git|git://127.0.0.1/manifests.git|"
    edit 's|^manifests = "[^"]*"|manifests = "/srv/manifests"|' $SETTINGS
    inside systemctl reload versync
    inside bash -euc 'cd /root/work && sed -i "s/dynamic = true/dynamic = false/" shop.toml && git commit --quiet -am second && git push --quiet'
    # The timer would do it within a minute and a half.
    inside systemctl start versync-pull.service
    awaits 30 shop_is_dynamic false
    tip=$(inside git -C /root/work rev-parse HEAD)
    awaits 10 status_says "revision ${tip:0:7}"
    contains "$(inside versync history --json -n 1)" "$tip"
    is ActiveState active versync-pull.timer
}

# A clone that not everybody may read, and a manifest with a secret.
read_what_others_may_not() {
    local drop_in=/etc/systemd/system/versync.service.d/override.conf
    inside bash -euc "mkdir -p ${drop_in%/*} && install -m 600 /dev/stdin /etc/versync/partner <<<'a secret'
        printf '[Service]\nSupplementaryGroups=versync-pull\nLoadCredential=partner:/etc/versync/partner\n' >$drop_in
        chmod o= /srv/manifests
        printf '%s\n' '[auth_scheme_configs.partner]' 'system = \"stripe\"' 'description = \"\"' 'type = \"oauth2\"' \
            'token_url = \"https://partner.invalid/token\"' 'authorize_url = \"https://partner.invalid/authorize\"' \
            'scopes = [\"read\"]' 'default_scopes = [\"read\"]' \
            'grant = { type = \"authorization-code\", client_id = \"x\", client_secret = { credential = \"partner\" } }' >/root/work/partner.toml
        cd /root/work && git add . && git commit --quiet -m third && git push --quiet
        systemctl daemon-reload && systemctl restart versync && systemctl start versync-pull.service"
    awaits 30 status_says "in sync: 7 resources, revision $(inside git -C /root/work rev-parse --short=7 HEAD)"
    if inside grep -rl "a secret" /var/lib/private/versync /var/log/private/versync; then no "a secret that is written nowhere"; fi
    if journal_says "a secret"; then no "a secret that no log shows"; fi
    inside rm -r "${drop_in%/*}" /etc/versync/partner
    inside chmod o+rx /srv/manifests
    inside systemctl daemon-reload
}

upgrade_while_it_runs() {
    local before
    before=$(property MainPID)
    inside dpkg --install "/root/${package##*/}"
    awaits 20 is ActiveState active
    [ "$(property MainPID)" != "$before" ] || no "restarted"
    awaits 20 is ActiveState active versync@acme.service
    inside grep -qF 01J0ACME000000000000000000 $SETTINGS
}

remove_and_keep_the_settings() {
    inside apt-get remove --yes versync
    is ActiveState inactive
    is ActiveState inactive versync@acme.service
    inside test ! -e /usr/bin/versync
    inside test -s $SETTINGS
    inside test -s /var/lib/versync/versync.db
}

purge_everything_of_its_own() {
    local left
    inside dpkg --purge versync
    left=$(inside find / -xdev -name '*versync*' ! -path '/srv/*' ! -path '/root/*' ! -path '*versync-pull*' ! -path '/var/cache/*' \
        ! -path '/var/log/*.log' ! -path '/var/log/journal/*')
    # The token, the second one's settings and the manifests are not the package's.
    [ "$left" = /etc/versync ] || no "gone: $left"
    [ "$(inside ls /etc/versync | xargs)" = "acme acme.token acme.toml manifests token" ] || no "what is not its own, left"
    inside systemctl daemon-reload
    [ -z "$(inside systemctl --failed --no-legend)" ] || no "nothing has failed"
}

# ---------------------------------------------------------------------------------------------------------------------

if [ -n "${BOOT_DEBIAN-}" ]; then
    [ -d "$BOOT_DEBIAN" ] || container_debian "$BOOT_DEBIAN"
    cp -a "$BOOT_DEBIAN" "$root"
else
    container_debian "$root"
fi
container_start "$root"
echo "A container with $(inside systemctl --version | head -n 1) is up after $SECONDS s."
step "the package installs, and starts nothing" install_it
step "started too early, it says what is missing" name_what_is_missing
step "the sandbox stands in for the platform" serve_the_sandbox
inside touch /marker
step "set up by the document's words, it becomes active" set_it_up_by_the_document
step "it runs as a user of its own, with the token as a credential" run_as_a_user_of_its_own
step "its exposure is 1.5 or less, and systemd finds nothing to say" stay_in_its_sandbox
step "systemctl status says how it is" say_how_it_is
step "an edit arrives" apply_an_edit
step "good settings are taken by a reload" reload_good_settings
step "bad settings change nothing, and are named" reload_bad_settings
step "a token that is refused is replaced by the document's words" replace_a_token
step "a loop that hangs is ended by the watchdog, and starts again" bring_back_a_loop_that_hangs
step "after a kill it starts again" come_back_after_a_kill
step "nothing was written outside its directories" write_nowhere_else
step "it stops at once" stop_at_once
step "a second one runs beside it" run_a_second_one
step "a clone that a timer pulls is followed" follow_a_clone
step "it reads what its group may, and the secrets that it is handed" read_what_others_may_not
step "an upgrade restarts what runs" upgrade_while_it_runs
step "removed, it leaves settings and state" remove_and_keep_the_settings
step "purged, it leaves nothing of its own" purge_everything_of_its_own
echo "All $passed steps passed in $SECONDS s."
