<?php
// A page counter as it has always been written. It knows nothing of what is below $_SESSION.
session_start();
$_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;
echo "You have seen this page {$_SESSION['count']} times.\n";
