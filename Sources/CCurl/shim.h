// libcurl, and a function for each of its calls that is variadic, which Swift cannot call. They return what libcurl
// returns.
#include <curl/curl.h>

// The macro that checks types is for C alone, and gets in the way of pointers to functions here.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

static inline CURLcode ccurl_set_number(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode ccurl_set_text(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

/// Of pointers that libcurl keeps and passes on: user data, buffers, lists.
static inline CURLcode ccurl_set_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

/// For headers and for bodies.
static inline CURLcode ccurl_set_receiver(CURL *easy, CURLoption option, curl_write_callback receiver) {
    return curl_easy_setopt(easy, option, receiver);
}

static inline CURLcode ccurl_set_socket_maker(CURL *easy, curl_opensocket_callback maker) {
    return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, maker);
}

static inline CURLcode ccurl_set_witness(CURL *easy, curl_debug_callback witness) {
    return curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, witness);
}

/// Nothing but HTTP and HTTPS, whatever a URL says.
static inline CURLcode ccurl_allow_http_only(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/// Given up while a name is being resolved, the transfer leaves that thread to itself. Before libcurl 7.87 it waits for it.
static inline CURLcode ccurl_do_not_wait_for_names(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
    return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
    return CURLE_OK;
#endif
}

static inline CURLcode ccurl_get_number(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

/// The text is libcurl's and lives as long as the handle.
static inline CURLcode ccurl_get_text(CURL *easy, CURLINFO info, const char **value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLMcode ccurl_multi_set_number(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode ccurl_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
    return curl_multi_setopt(multi, option, value);
}

static inline CURLMcode ccurl_multi_set_socket_watcher(CURLM *multi, curl_socket_callback watcher) {
    return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watcher);
}

static inline CURLMcode ccurl_multi_set_timer(CURLM *multi, curl_multi_timer_callback timer) {
    return curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer);
}

static inline CURLcode ccurl_begin(void) { return curl_global_init(CURL_GLOBAL_DEFAULT); }

/// CURLE_TOO_LARGE, which libcurl 8.6 named. Before that the same was CURLE_OUT_OF_MEMORY.
static const CURLcode ccurl_too_large = (CURLcode)100;
