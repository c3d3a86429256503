# The line driver of Perl's LWP: perl perl_clients.pl perl-lwp, or --version perl-lwp. Each line of the standard input is
# a request and each line of the standard output its outcome, in JSON.
use strict;
use warnings;
use HTTP::Request;
use JSON::PP;
use LWP::UserAgent;
use MIME::Base64;

if ($ARGV[0] eq '--version') {
    print 'LWP ', LWP->VERSION, "\n";
    exit;
}

use constant KEPT_OCTETS => 4 * 1024 * 1024;    # of a body, so that the memory of this program is its client's

sub client {
    my %trust = $ENV{SSL_CERT_FILE} ? (ssl_opts => { SSL_ca_file => $ENV{SSL_CERT_FILE} }) : ();
    my $agent = LWP::UserAgent->new(keep_alive => 10, %trust);
    $agent->default_header('Accept-Encoding' => scalar HTTP::Message::decodable());
    return $agent;
}

sub outcome {
    my ($agent, $command) = @_;
    my $headers = [%{ $command->{headers} || {} }];
    my $body = defined $command->{body_b64} ? decode_base64($command->{body_b64}) : undef;
    my $request = HTTP::Request->new($command->{method} || 'GET', $command->{url}, $headers, $body);
    $agent->timeout($command->{timeout}) if defined $command->{timeout};
    my $answer = $agent->request($request);

    # LWP answers its own errors as a response of status 500, and marks it.
    my $warning = $answer->header('Client-Warning') || '';
    return { ok => JSON::PP::false, error => $answer->status_line } if $warning eq 'Internal response';
    my $content = $answer->decoded_content(charset => 'none');
    return { ok => JSON::PP::false, error => "can't decode: $@" } unless defined $content;
    my %fields = map { $_ => '' . $answer->header($_) } $answer->header_field_names;
    return {
        ok => JSON::PP::true, status => 0 + $answer->code, headers => \%fields,
        body_b64 => encode_base64(substr($content, 0, KEPT_OCTETS), ''), octets => length $content,
    };
}

$| = 1;
my $json = JSON::PP->new->utf8->canonical;
my $agent = client();
my $session = '';
while (my $line = <STDIN>) {
    my $command = $json->decode($line);
    my $wanted = $command->{session} // '';
    $agent = client() if $wanted ne $session;
    $session = $wanted;
    print $json->encode({ id => $command->{id}, %{ outcome($agent, $command) } }), "\n";
}
