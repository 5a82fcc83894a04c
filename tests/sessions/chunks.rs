//! Tokens in pieces.

use axum::http::StatusCode;
use saddlebag::{Cookie, NewSession, Tokens};

use crate::browser::Browser;
use crate::common::{NOW, at, builder};
use crate::shop::{Cart, Shop};

fn tokens() -> Tokens {
    builder().longest_issued(7_100).longest_verified(7_168).build().unwrap()
}

fn shop(longest: usize) -> Shop {
    Shop::with(tokens(), |layer| layer.cookie(Cookie::default().chunked().longest(longest)))
}

/// A token whose state has an item of so many characters.
fn token(characters: usize) -> String {
    let state = Cart { items: vec!["x".repeat(characters)] };
    tokens().issue_at(NewSession::of(&state), at(NOW)).unwrap().token
}

/// The pieces of a token, as the text of the format has them.
fn pieces(token: &str, count: usize) -> Vec<(String, String)> {
    let set = &token[token.len() - 4..];
    let size = token.len().div_ceil(count);
    let pieces = token.as_bytes().chunks(size).enumerate();
    pieces
        .map(|(index, piece)| {
            let piece = std::str::from_utf8(piece).unwrap();
            (format!("__Host-session.{index}"), format!("{set}{index}{count}{piece}"))
        })
        .collect()
}

fn browser(cookies: &[(String, String)]) -> Browser {
    Browser { cookies: cookies.iter().cloned().collect() }
}

#[tokio::test]
async fn pieces_appear_when_a_state_outgrows_a_cookie_and_go_when_it_shrinks() {
    let shop = shop(4_096);
    let mut browser = Browser::default();
    browser.get(&shop.app, "/add/apples").await;
    assert_eq!(browser.cookies.len(), 1);
    for round in 0..3 {
        let large = "y".repeat(4_000);
        let answer = browser.get(&shop.app, &format!("/add/{large}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        let names: Vec<&str> = browser.cookies.keys().map(String::as_str).collect();
        assert_eq!(names, ["__Host-session.0", "__Host-session.1"], "round {round}");
        let [first, second] =
            ["__Host-session.0", "__Host-session.1"].map(|name| &browser.cookies[name]);
        assert_eq!(first.len() + "__Host-session.0".len(), 4_096);
        assert_eq!(first[..4], second[..4]);
        assert_eq!([&first[4..6], &second[4..6]], ["02", "12"]);
        let joined = format!("{}{}", &first[6..], &second[6..]);
        assert_eq!(joined[joined.len() - 4..], first[..4]);
        shop.tokens.verify_at(&joined, at(NOW)).unwrap();
        for line in answer.set_cookies() {
            assert!(line.contains("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age="), "{line}");
        }
        assert!(browser.get(&shop.app, "/cart").await.body.contains(&large));
        // Logged out, and begun again: one cookie.
        browser.get(&shop.app, "/logout").await;
        browser.get(&shop.app, "/add/apples").await;
        browser.cookies.remove("__Host-session.ended");
        assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-session"]);
    }
}

/// T31: from three pieces to one cookie.
#[tokio::test]
async fn a_shrunken_token_clears_its_surplus_pieces() {
    let shop = shop(700);
    // Someone answers with the small state of a parallel request.
    let large = browser(&pieces(&token(1_300), 3));
    assert_eq!(large.cookies.len(), 3);
    assert_eq!(large.clone().get(&shop.app, "/cart").await.status, StatusCode::OK);
    let two = browser(&pieces(&token(900), 2));
    let mut mixed = two.clone();
    let answer = mixed.get(&shop.app, "/login/alice").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(mixed.cookies.len(), 2);
    // The application empties the cart.
    let app = crate::shop::routes()
        .route(
            "/empty",
            axum::routing::get(async |mut session: saddlebag::Session<Cart>| session.items.clear()),
        )
        .layer(
            saddlebag::SessionLayer::<Cart>::new(tokens())
                .cookie(Cookie::default().chunked().longest(700))
                .clock(shop.clock.reader()),
        );
    let mut browser = large;
    let answer = browser.get(&app, "/empty").await;
    let cleared = answer.set_cookies().iter().filter(|line| line.contains("Max-Age=0")).count();
    assert_eq!(cleared, 3);
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-session"]);
}

/// T31: whatever is not one complete set, in order, is no session; and every name is cleared.
#[tokio::test]
async fn pieces_that_are_not_one_set_are_no_session_and_are_cleared() {
    let shop = shop(4_096);
    let (a, b) = (pieces(&token(900), 3), pieces(&token(901), 3));
    let changed = |index: usize, change: &dyn Fn(&str) -> String| {
        let mut pieces = a.clone();
        pieces[index].1 = change(&pieces[index].1);
        pieces
    };
    let plain = ("__Host-session".to_owned(), token(3));
    let cases: Vec<(&str, Vec<(String, String)>)> = vec![
        ("one of another set", vec![a[0].clone(), b[1].clone(), a[2].clone()]),
        ("the last of another set", vec![a[0].clone(), a[1].clone(), b[2].clone()]),
        ("the first is missing", a[1..].to_vec()),
        ("the last is missing", a[..2].to_vec()),
        ("the middle is missing", vec![a[0].clone(), a[2].clone()]),
        (
            "one too many",
            [a.clone(), vec![("__Host-session.3".to_owned(), a[2].1.replacen('2', "3", 1))]]
                .concat(),
        ),
        (
            "exchanged",
            vec![(a[0].0.clone(), a[1].1.clone()), (a[1].0.clone(), a[0].1.clone()), a[2].clone()],
        ),
        ("beside a whole one", [a.clone(), vec![plain.clone()]].concat()),
        ("another index", changed(1, &|value| format!("{}2{}", &value[..4], &value[5..]))),
        ("another count", changed(1, &|value| format!("{}4{}", &value[..5], &value[6..]))),
        ("index no digit", changed(1, &|value| format!("{}x{}", &value[..4], &value[5..]))),
        ("empty piece", changed(1, &|value| value[..6].to_owned())),
        ("no head", changed(0, &|_| "x".to_owned())),
        ("no ASCII set", changed(0, &|value| format!("é{}", &value[2..]))),
        ("one of one", vec![("__Host-session.0".to_owned(), format!("{}01", &a[0].1[..4]))]),
    ];
    for (what, cookies) in cases {
        let mut browser = browser(&cookies);
        let answer = browser.get(&shop.app, "/maybe").await;
        assert_eq!(answer.body, "nobody", "{what}");
        assert_eq!(shop.events.take(), ["broken_set"], "{what}");
        assert!(browser.cookies.is_empty(), "{what}: {:?}", browser.cookies.keys());
        assert_eq!(answer.set_cookies().len(), 5, "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    }
    assert_eq!(browser(&a).get(&shop.app, "/maybe").await.body, "1 items");
}

/// T31: a piece twice, even the same.
#[tokio::test]
async fn a_repeated_piece_is_no_session() {
    use axum::body::Body;
    use axum::http::Request;
    use axum::http::header::COOKIE;

    let shop = shop(4_096);
    let pieces = pieces(&token(900), 2);
    let header = browser(&pieces).header();
    for extra in [&pieces[0].1, &pieces[1].1] {
        let line = format!("{header}; __Host-session.0={extra}");
        let request = Request::get("/maybe").header(COOKIE, line).body(Body::empty()).unwrap();
        let answer = crate::browser::send(&shop.app, request).await;
        assert_eq!(answer.body, "nobody");
        assert_eq!(shop.events.take(), ["broken_set"]);
        assert_eq!(answer.set_cookies().len(), 5);
    }
}

/// T31: pieces of a forged token join, and are verified as any other.
#[tokio::test]
async fn joined_pieces_are_verified() {
    let shop = shop(4_096);
    let mut forged = token(900);
    let end = forged.len() - 10;
    forged.replace_range(end..end + 1, if &forged[end..end + 1] == "A" { "B" } else { "A" });
    assert_eq!(browser(&pieces(&forged, 3)).get(&shop.app, "/maybe").await.body, "nobody");
    assert_eq!(shop.events.take(), ["bad_tag"]);
}

/// T31: logout clears all names that there may be.
#[tokio::test]
async fn a_logout_clears_every_piece() {
    let shop = shop(4_096);
    let mut browser = browser(&pieces(&token(900), 3));
    let answer = browser.get(&shop.app, "/logout").await;
    assert_eq!(answer.set_cookies().len(), 6);
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-session.ended"]);
}

/// Where pieces are not asked for, they are other cookies.
#[tokio::test]
async fn without_pieces_they_are_nobodys() {
    let shop = Shop::with(tokens(), |layer| layer);
    let mut browser = browser(&pieces(&token(900), 3));
    assert_eq!(browser.get(&shop.app, "/maybe").await.body, "nobody");
    assert_eq!(shop.events.take(), ["absent"]);
    browser.cookies.insert("__Host-session".to_owned(), token(5));
    assert_eq!(browser.get(&shop.app, "/maybe").await.body, "1 items");
    // They go when the session does, in case they were asked for once.
    browser.get(&shop.app, "/logout").await;
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["__Host-session.ended"]);
}

/// At most four pieces, and 7,168 bytes of names and values in all.
#[tokio::test]
async fn the_largest_set_is_carried_and_one_character_more_is_an_error() {
    let overhead = "__Host-session.0".len() + 6;
    for (longest, count, most) in [(4_096, 2, 7_168 - 2 * overhead), (700, 4, 4 * (700 - overhead))]
    {
        let tokens = builder().longest_issued(7_168).longest_verified(7_168).build().unwrap();
        let shop =
            Shop::with(tokens, |layer| layer.cookie(Cookie::default().chunked().longest(longest)));
        let mut fitted = None;
        for characters in (most * 3 / 4 - 120)..(most * 3 / 4) {
            let mut browser = Browser::default();
            let answer = browser.get(&shop.app, &format!("/add/{}", "z".repeat(characters))).await;
            if answer.status != StatusCode::OK {
                assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
                break;
            }
            let bytes: usize =
                browser.cookies.iter().map(|(name, value)| name.len() + value.len()).sum();
            fitted = Some((browser.cookies.len(), bytes - count * overhead));
        }
        let (cookies, characters) = fitted.unwrap();
        assert_eq!(cookies, count);
        // Base64 grows by one or two characters a byte.
        assert!((most - 2..=most).contains(&characters), "{characters} of {most}");
    }
}
