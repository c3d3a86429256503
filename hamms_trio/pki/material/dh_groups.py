"""Groups for Diffie-Hellman by name: a modulus and a generator.

``2048`` is ffdhe2048 (RFC 7919 §A.1), and ``1024`` the second group of RFC 2409 §6.2; ``512`` is a safe prime that
OpenSSL 3 refuses at any security level. The modulus of ``composite`` is a product of two primes, and the generator
of ``small-subgroup`` has an order of 24 bits.
"""

from __future__ import annotations

from hamms_trio.pki.material.known_primes import number

GROUPS = {
    "2048": (
        number(
            "ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695a9e136411464",
            "33fbcc939dce249b3ef97d2fe363630c75d8f681b202aec4617ad3df1ed5d5fd65612433f51f",
            "5f066ed0856365553ded1af3b557135e7f57c935984f0c70e0e68b77e2a689daf3efe8721df1",
            "58a136ade73530acca4f483a797abc0ab182b324fb61d108a94bb2c8e3fbb96adab760d7f468",
            "1d4f42a3de394df4ae56ede76372bb190b07a7c8ee0a6d709e02fce1cdf7e2ecc03404cd2834",
            "2f619172fe9ce98583ff8e4f1232eef28183c3fe3b1b4c6fad733bb5fcbc2ec22005c58ef183",
            "7d1683b2c6f34a26c1b2effa886b423861285c97ffffffffffffffff",
        ),
        2,
    ),
    "1024": (
        number(
            "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b13",
            "9b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576",
            "625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe64928",
            "6651ece65381ffffffffffffffff",
        ),
        2,
    ),
    "512": (
        number(
            "ee138acb00bb97e8cb9732a598c878dc8da79986991e01d6064c4ced4250d06eb6f5cf2e6dc1",
            "0c576eeac11fa2259090d88ba879900c3699fe935b8b582dad83",
        ),
        2,
    ),
    "composite": (
        number(
            "e9f9ada79ee5363313f6c2de0c7cf703bbecec08b90713c322afba6a56802668afc26ac0e436",
            "fa42fbe7aa5021f927cf5e2f33d17e6290ce0710698547b9171b267b1bdd306a87de30386487",
            "39aca59f029aaa8b7e13d0aaaf126b3483ca79dcec2284c3293363db76b86fc8e6f7ab9b18d7",
            "997315c760718f8a963a65660fdf",
        ),
        2,
    ),
    "small-subgroup": (
        number(
            "1be88ddb5e14d2dedf11652744e94d034bbb804a7df73614a706303147985940e7ee7e9e79ae",
            "1f040334b0b09aed363fd6a0772129ec1a38d84d376c5c2f97bc56f6b39b09b17f8723379666",
            "3bc55991f9113129a18c66727e288ff87c6a24b318e319c93b1646c941ab02e96b652192bf82",
            "dac359ad2ebe7ecc8246e8e2a00f7",
        ),
        number(
            "10dad135bed7270712bdbebbf5cbc25d0bc68674bc04cc57fea6cc7181ff2fcaf7f5dfa4ac17",
            "48d5ad90918074ce7a13b9ca38f68ba5520a166c56d126f901b7d455635d41e335e1ed1f2269",
            "ebf90a76ce1a2ae183615c0d0a2e91a7fc96818a512049a53cb246431b4eaeb8870b8093e691",
            "3809ace21008f8eba022bdeee6f7f",
        ),
    ),
}
